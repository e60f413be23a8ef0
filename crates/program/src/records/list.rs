//! Lists of records, one at a time: a list of any length takes no memory.

use std::ops::ControlFlow;

use bytes::Bytes;
use domain::{
    KindSpec,
    permission::is_masked,
    value::{self, Input},
};
use replica::{RecordId, RecordKey, ScopeId};
use serde_json::{Map, Value};

use super::{Documents, Known, each, failure_of, known::InScope, standing};
use crate::{
    accounts::care,
    app::App,
    failure::{Exit, Failure},
};

/// Which records are wanted.
#[derive(Clone, Debug)]
pub struct Filter<'a> {
    /// The kind.
    pub kind: &'static KindSpec,
    /// The scope; none for all.
    pub scope: Option<ScopeId>,
    /// Fields with the values they must have: `field=value`; of a set the items it must hold.
    pub wheres: &'a [String],
    /// How many at most; none for all.
    pub limit: Option<usize>,
    /// The last id of the page before.
    pub after: Option<RecordId>,
}

/// Shows the document of every record that is wanted, ascending by id. Returns the id after which
/// the next page begins; none when there is none.
///
/// # Errors
/// A condition that cannot be read, the visitor's, or the store is damaged or cannot be read.
pub fn list(
    app: &App,
    filter: &Filter<'_>,
    visit: &mut dyn FnMut(Map<String, Value>) -> Result<(), Failure>,
) -> Result<Option<RecordId>, Failure> {
    let wanted = wanted(app, filter)?;
    let documents = Documents::new(app)?;
    let limit = filter.limit.unwrap_or(usize::MAX);
    let (mut count, mut last, mut next) = (0_usize, None, None);
    // Where a scope stands for others, what belongs to them is listed with it.
    let has_heirs = documents.scopes().has_heirs()?;
    let only = filter.scope.filter(|_| !has_heirs);
    each(
        app,
        filter.kind.kind,
        only,
        filter.after,
        &mut |stored, meaning| {
            let scope = documents.scopes().heir(stored.home)?;
            let is_asked = filter.scope.is_none_or(|asked| asked == scope);
            if !is_asked || !care::sees(app, stored.record.key)? {
                return Ok(ControlFlow::Continue(()));
            }
            if !wanted.is_empty() {
                // What a scope stands for is listed with it, and may be another's.
                let hides = |(field, _): &(String, Value)| {
                    let field = filter.kind.field(field);
                    field.is_some_and(|field| is_masked(filter.kind, field))
                };
                if wanted.iter().any(hides) && !app.sees(stored.record.key, stored.home) {
                    return Ok(ControlFlow::Continue(()));
                }
                let mut values = value::to_json(filter.kind, &meaning.values);
                stand(app, filter.kind, &wanted, &mut values)?;
                if !wanted
                    .iter()
                    .all(|(field, value)| holds(values.get(field), value))
                {
                    return Ok(ControlFlow::Continue(()));
                }
            }
            if count == limit {
                next = last;
                return Ok(ControlFlow::Break(()));
            }
            count += 1;
            last = Some(stored.record.key.id);
            visit(documents.of(stored, meaning)?)?;
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(next)
}

/// The conditions as the values that they name.
fn wanted(app: &App, filter: &Filter<'_>) -> Result<Vec<(String, Value)>, Failure> {
    let known = Known::new(app);
    let resolve = InScope::new(&known, filter.scope.unwrap_or_else(|| app.scope()));
    let mut wanted = Vec::new();
    for text in filter.wheres {
        let (name, given) = value::parse_set(text).map_err(|finding| failure_of(&[finding]))?;
        let field = filter.kind.field(name);
        // Whoever sees a name masked does not find it by asking for one after the other.
        let is_hidden = field.is_some_and(|field| is_masked(filter.kind, field));
        if is_hidden && !app.seeks(&filter.kind.id, filter.scope) {
            return Err(Failure::new("AUTH-109", Exit::Refused).with("field", name));
        }
        let set = [(name, Input::Text(given))];
        let edits = value::edits(app.catalogue, filter.kind, &|_| Bytes::new(), set, &resolve);
        known.take_failure().map_or(Ok(()), Err)?;
        let edits = edits?;
        let values = edits
            .first()
            .map(|edit| value::to_json(filter.kind, &edit.value));
        let mut values = values.unwrap_or_default();
        let asked = [(name.to_owned(), Value::Null)];
        stand(app, filter.kind, &asked, &mut values)?;
        let value = values.remove(name).unwrap_or(Value::Null);
        wanted.push((name.to_owned(), value));
    }
    Ok(wanted)
}

/// Puts for what the asked fields name of a kind that has aliases the records that stand.
fn stand(
    app: &App,
    kind: &KindSpec,
    asked: &[(String, Value)],
    values: &mut Map<String, Value>,
) -> Result<(), Failure> {
    for (name, _) in asked {
        let of = kind.field(name).and_then(|field| field.reference.as_ref());
        let of = of.and_then(|of| app.catalogue.kind_by_id(of));
        let Some(of) = of.filter(|of| of.alias().is_some() && of.id != kind.id) else {
            continue;
        };
        let named = match values.get_mut(name) {
            Some(Value::Array(items)) => items.as_mut_slice(),
            Some(one) => std::slice::from_mut(one),
            None => &mut [],
        };
        for one in named {
            let id = one.as_str().and_then(|id| uuid::Uuid::try_parse(id).ok());
            let Some(id) = id.map(|id| RecordId(id.into_bytes())) else {
                continue;
            };
            *one = standing(app, RecordKey { kind: of.kind, id })?
                .id
                .to_string()
                .into();
        }
    }
    Ok(())
}

fn holds(value: Option<&Value>, wanted: &Value) -> bool {
    match (value, wanted) {
        (Some(Value::Array(items)), Value::Array(wanted)) if !wanted.is_empty() => {
            wanted.iter().all(|item| items.contains(item))
        }
        (value, wanted) => value.unwrap_or(&Value::Null) == wanted,
    }
}
