//! A store that is soon full, for tests. No release holds this.

use sqlx::{AssertSqlSafe, SqliteConnection};

/// The environment variable with the number of pages that the file may still grow by.
pub const VARIABLE: &str = "NERVE_MAX_PAGES";

/// Bounds the file as the variable wants it; a connection that is opened later has no bound.
pub(super) async fn bound(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    let Some(more) = std::env::var(VARIABLE).ok().and_then(|pages| pages.parse::<i64>().ok()) else { return Ok(()) };
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&mut *connection).await?;
    sqlx::query(AssertSqlSafe(format!("PRAGMA max_page_count = {}", pages + more))).execute(connection).await?;
    Ok(())
}
