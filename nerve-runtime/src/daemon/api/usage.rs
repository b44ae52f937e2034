//! What calls cost, added up.

use axum::Json;
use axum::extract::{Query, State};
use nerve_core::{Timestamp, Usage};
use nerve_store::{Store, UsageBy as By};

use super::super::clock;
use super::dto::{UsageBy, UsageItem, UsageQuery, UsageReport, UsageSum, moment, schema};
use super::{Answer, ApiState};

pub(super) async fn report(State(state): State<ApiState>, Query(query): Query<UsageQuery>) -> Answer<UsageReport> {
    let since = query.since_ms.map(|ago| clock::now().millis().saturating_sub(i64::try_from(ago).unwrap_or(i64::MAX)).max(0));
    let since = since.map(Timestamp::from_millis);
    let by = match query.by {
        UsageBy::Day => By::Day,
        UsageBy::Workflow => By::Workflow,
        UsageBy::Role => By::Role,
        UsageBy::Model => By::Model,
    };
    let groups = state.store.usage(by, since.unwrap_or_default()).await?;
    let usage: Usage = groups.iter().map(|group| group.usage).sum();
    let items: Vec<UsageItem> = groups
        .into_iter()
        .map(|group| UsageItem { name: group.key, threads: group.threads, usage: group.usage, cost: group.usage.money() })
        .collect();
    Ok(Json(UsageReport {
        schema: schema::USAGE.to_owned(),
        by: query.by,
        since: since.map(moment),
        total: items.len() as u64,
        items,
        next: None,
        sum: UsageSum { usage, cost: usage.money() },
    }))
}
