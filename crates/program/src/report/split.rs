//! Figures of organisations by what they are: class, kind, form, staff, cluster, industry, town.

use domain::indicator::{Band, DEFINITIONS, Definition, Group, Indicators};
use proto::ledger::Cluster;
use replica::{RecordId, RecordKey, ScopeId};

use super::{By, Column, Sheet, cell};
use crate::{app::App, failure::Failure, output::Out, records::meaning};

/// The parts of a scope, or of the city, each under its name: an id of the schema, a code, or the
/// name of a cluster.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(super) fn parts(
    app: &App,
    sheet: &mut Sheet,
    scope: Option<ScopeId>,
    by: Option<By>,
) -> Result<Vec<(String, Indicators)>, Failure> {
    let Some(by) = by else {
        return Ok(Vec::new());
    };
    let mut parts = Vec::new();
    for (group, figures) in sheet.book.split(scope) {
        if let Some(name) = name(app, by, &group)? {
            parts.push((name, figures));
        }
    }
    Ok(parts)
}

/// The name of a part; none for one of another split.
fn name(app: &App, by: By, group: &Group) -> Result<Option<String>, Failure> {
    let value = |kind, field, number: i32| {
        let field = app.catalogue.kind_by_id(kind)?.field(field)?;
        let value = field.enumeration()?.value(number);
        // What nobody stated is a part, too.
        Some(value.map_or("unspecified", |value| &value.id).to_owned())
    };
    Ok(match (by, group) {
        (By::Class, Group::Class(number)) => value("organisation", "org_class", *number),
        (By::Kind, Group::Kind(number)) => value("organisation", "org_kind", *number),
        (By::Form, Group::Form(number)) => value("coverage_link", "form", *number),
        (By::Staff, Group::Band(Band::Small)) => Some("0-49".to_owned()),
        (By::Staff, Group::Band(Band::Medium)) => Some("50-99".to_owned()),
        (By::Staff, Group::Band(Band::Large)) => Some("100+".to_owned()),
        (By::Cluster, Group::Cluster(id)) => Some(cluster(app, *id)?),
        (By::Industry, Group::Industry(letter)) => Some(letter.to_string()),
        (By::Town, Group::Town(code)) => Some(code.to_string()),
        _ => None,
    })
}

/// A cluster by its name and id: two can bear one name.
fn cluster(app: &App, id: RecordId) -> Result<String, Failure> {
    let Some(kind) = app.catalogue.kind_by_id("cluster") else {
        return Ok(id.to_string());
    };
    let stored = app.reader().get(RecordKey {
        kind: kind.kind,
        id,
    })?;
    let Some(stored) = stored else {
        return Ok(id.to_string());
    };
    let meaning = meaning(app, &stored.record)?;
    let row: Cluster = domain::decode(&meaning.values).unwrap_or_default();
    Ok(format!("{} {id}", row.name()))
}

/// Prints the parts of each column: what can be split, in rows.
pub(super) fn tables(columns: &[&Column], out: &mut Out) {
    for column in columns.iter().filter(|column| !column.parts.is_empty()) {
        out.line(format!("{} {}", column.code, column.name).trim());
        let mut headings = vec![out.say("指标", "Indicator").to_owned()];
        headings.extend(column.parts.iter().map(|(name, _)| name.clone()));
        let has = |name| {
            column
                .parts
                .iter()
                .any(|(_, part)| part.get(name).is_some())
        };
        let split = DEFINITIONS.iter().filter(|one| has(one.name));
        let row = |one: &Definition| {
            let mut row = vec![one.label(out.language).to_owned()];
            let cells = column.parts.iter();
            row.extend(cells.map(|(_, figures)| cell(figures.get(one.name), None)));
            row
        };
        let rows: Vec<Vec<String>> = split.map(row).collect();
        let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
        out.table(&headings, &rows);
    }
}
