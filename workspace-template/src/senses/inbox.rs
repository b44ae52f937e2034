//! New files in the folder `inbox/`.

use std::collections::BTreeSet;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use nerve_runtime::prelude::*;
use serde::{Deserialize, Serialize};

/// How much of a file goes into the prompt.
const EXCERPT: u64 = 2048;

/// The files that were there and are known. One that is removed is forgotten, so it is new again when it comes back.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Known {
    files: BTreeSet<String>,
}

/// What a tick reports of a new file.
#[derive(Debug, Serialize)]
struct NewFile {
    path: String,
    bytes: u64,
    first_line: String,
}

/// Starts `explain-load` for each file never seen before, one a tick; names with a leading dot are ignored.
pub fn sense() -> Sense {
    Sense::new("inbox", compute)
}

async fn compute(ctx: SenseContext) -> Result<Observation> {
    let mut known: Known = ctx.state()?;
    let folder = ctx.root().join("inbox");
    let here = match list(&folder) {
        Ok(here) => here,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Observation::silent("there is no folder inbox/")),
        Err(error) => return Err(error.into()),
    };
    known.files.retain(|name| here.contains(name));
    for name in here {
        if !known.files.insert(name.clone()) {
            continue;
        }
        let path = folder.join(&name);
        let (bytes, text) = match excerpt(&path) {
            Ok(found) => found,
            // Removed since it was listed.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => (0, format!("(it cannot be read: {error})")),
        };
        let first_line = text.lines().next().unwrap_or_default().to_owned();
        let prompt = format!("New file {} ({bytes} bytes). It begins:\n\n{text}", path.display());
        // The files after this one stay unknown, so each gets a tick and a thread of its own.
        return Ok(Observation::signal(&NewFile { path: format!("inbox/{name}"), bytes, first_line })?
            .state(&known)?
            .start("explain-load", prompt));
    }
    Observation::silent("no new file").state(&known)
}

/// The names of the files, in order.
fn list(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut names = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with('.') && entry.path().is_file() {
            names.insert(name);
        }
    }
    Ok(names)
}

/// A file's length and its beginning.
fn excerpt(path: &Path) -> io::Result<(u64, String)> {
    let file = std::fs::File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut start = Vec::new();
    file.take(EXCERPT).read_to_end(&mut start)?;
    let text = String::from_utf8_lossy(&start);
    // The cut may have split a character in two.
    let text = if bytes > EXCERPT { text.trim_end_matches('\u{fffd}') } else { &text };
    Ok((bytes, text.to_owned()))
}
