//! What the rules suggest for an open conflict, with what only a store can say: which candidate came
//! first.

use domain::{Conflict, KindSpec, Preset, preset};
use replica::RecordKey;

use crate::{app::App, failure::Failure};

/// What the rules suggest for a conflict of a record whose scope has this code.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(super) fn suggested(
    app: &App,
    key: RecordKey,
    (kind, home): (&KindSpec, &str),
    open: &Conflict,
) -> Result<Preset, Failure> {
    if preset::is_claim(kind, open) {
        return Ok(preset::claimed(first_here(app, key, open)?));
    }
    Ok(preset(kind, open, home))
}

/// The candidate that reached the hub first, counted from 1; none elsewhere, and where its feed does
/// not tell one from the other.
fn first_here(app: &App, key: RecordKey, open: &Conflict) -> Result<Option<usize>, Failure> {
    if !app.is_hub() {
        return Ok(None);
    }
    let mut came = Vec::new();
    for (at, candidate) in open.candidates.iter().enumerate() {
        let places = app.reader().since(key, candidate.dot())?;
        let Some(first) = places.as_ref().and_then(|places| places.last()) else {
            return Ok(None);
        };
        came.push((first.scope, first.seq, at + 1));
    }
    came.sort_unstable();
    Ok(match came.as_slice() {
        [(scope, first, number), (other, second, _), ..] if scope == other && first < second => {
            Some(*number)
        }
        _ => None,
    })
}
