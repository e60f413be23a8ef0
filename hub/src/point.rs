//! `point …`: demonstration points whose Party organisation has ended, and the city's review of them.
//!
//! A dissolution is the district's write and a point the city's, so the district cannot write what
//! follows (R08). The hub does it when it knows of the dissolution: an ordinary edit of its own that
//! puts the point under review, written once. Whether it was written is read from the point itself,
//! so a look that is repeated, or made by a restored hub, finds nothing to do; what the city then
//! rules stands.

use std::ops::ControlFlow;

use clap::Subcommand;
use domain::{decode, value::Input};
use program::{
    App, Failure, Out,
    commands::show_rows,
    records::{Change, Desk, Past, Scopes, each, kind_of, meaning},
};
use proto::ledger::{DemonstrationPoint, PartyOrgStatus, PartyOrganisation, PointStatus};
use replica::{RecordId, RecordKey, Sibling, Source};
use serde_json::{Map, Value};
use store::Stored;

const KIND: &str = "demonstration_point";

/// `point …`.
#[derive(Subcommand, Clone, Debug)]
pub enum PointCommand {
    /// Points under review; confirm or revoke them with `record act demonstration_point`
    List {
        /// All points
        #[arg(long)]
        all: bool,
    },
}

/// What a list of points shows: field, Chinese, English.
const COLUMNS: &[(&str, &str, &str)] = &[
    ("id", "编号", "id"),
    ("scope", "辖区", "scope"),
    ("party_organisation", "党组织", "Party organisation"),
    ("name", "名称", "name"),
    ("year", "年度", "year"),
    ("status_text", "状态", "status"),
    ("dissolved_on", "党组织撤销日期", "dissolved on"),
];

/// A point with its Party organisation.
struct Point {
    stored: Stored,
    row: DemonstrationPoint,
    party: RecordId,
    is_party: PartyOrganisation,
}

impl Point {
    /// Whether its Party organisation has ended.
    fn is_orphaned(&self) -> bool {
        self.is_party.status() == PartyOrgStatus::Dissolved
    }

    /// What the hub says when it puts a point under review. It names what has ended and no day, so
    /// that a corrected day is no new reason.
    fn reason(&self) -> String {
        format!("党组织 party_organisation/{} 已撤销，转入复核", self.party)
    }

    /// Whether it was under review for this before: by this reason, or from its making.
    fn was_reviewed(&self, app: &App) -> Result<bool, Failure> {
        let record = &self.stored.record;
        let kind = kind_of(app, KIND)?;
        let Some(register) = kind.field("status").map(|field| field.register) else {
            return Ok(true);
        };
        let past = Past::of(app, record.key)?;
        let reason = self.reason();
        let is_it = |sibling: &Sibling| {
            let row: DemonstrationPoint = decode(&sibling.value).unwrap_or_default();
            sibling.register == register
                && row.status() == PointStatus::UnderReview
                && (sibling.write.reason == reason || sibling.replaces.is_empty())
        };
        Ok(record
            .siblings
            .iter()
            .chain(past.siblings().iter())
            .any(is_it))
    }
}

/// Every point that is not deleted.
fn all(app: &App) -> Result<Vec<Point>, Failure> {
    let parties = kind_of(app, "party_organisation")?.kind;
    let mut points = Vec::new();
    each(
        app,
        kind_of(app, KIND)?.kind,
        None,
        None,
        &mut |stored, meaning| {
            let row: DemonstrationPoint = decode(&meaning.values).unwrap_or_default();
            let party = row.party_organisation.as_deref();
            if let Some(party) = party.and_then(|bytes| RecordId::try_from(bytes).ok()) {
                points.push(Point {
                    stored: stored.clone(),
                    row,
                    party,
                    is_party: party_of(
                        app,
                        RecordKey {
                            kind: parties,
                            id: party,
                        },
                    )?,
                });
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(points)
}

fn party_of(app: &App, key: RecordKey) -> Result<PartyOrganisation, Failure> {
    let stored = app.reader().get(key)?;
    let meaning = stored.map(|stored| meaning(app, &stored.record));
    let meaning = meaning.transpose()?.filter(|meaning| !meaning.deleted);
    Ok(meaning
        .and_then(|meaning| decode(&meaning.values).ok())
        .unwrap_or_default())
}

/// Puts every valid point whose Party organisation has ended under review, once. Nothing while this
/// hub still gets back what a restore took: the review may come with it.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn review(app: &App) -> Result<(), Failure> {
    let mut waiting = Vec::new();
    for point in all(app)? {
        let is_due = point.row.status() == PointStatus::Valid && point.is_orphaned();
        if is_due && !point.was_reviewed(app)? {
            waiting.push(point);
        }
    }
    if waiting.is_empty() || !app.writer.status()?.refilling.is_empty() {
        return Ok(());
    }
    let app = &App {
        account: "hub".to_owned(),
        ..app.clone()
    };
    let (desk, kind) = (Desk::new(app)?, kind_of(app, KIND)?);
    let mut edits = Vec::new();
    for point in waiting {
        let change = Change {
            kind,
            id: Some(point.stored.record.key.id),
            set: vec![("status", Input::Text("under_review"))],
            seen: None,
            scope: None,
            reason: &point.reason(),
            source: Source::Command,
        };
        edits.extend(desk.prepare(&change)?.edits());
    }
    app.writer.edit(edits, Vec::new())?;
    Ok(())
}

/// Points under review.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn waiting(app: &App) -> Result<usize, Failure> {
    let points = all(app)?;
    let reviewed = |point: &&Point| point.row.status() == PointStatus::UnderReview;
    Ok(points.iter().filter(reviewed).count())
}

/// Runs `point …`.
///
/// # Errors
/// The command failed.
pub(crate) fn run(app: &App, command: &PointCommand, out: &mut Out) -> Result<(), Failure> {
    let PointCommand::List { all: with_all } = command;
    review(app)?;
    let kind = kind_of(app, KIND)?;
    let scopes = Scopes::new(app);
    let mut rows = Vec::new();
    for point in all(app)? {
        if !with_all && point.row.status() != PointStatus::UnderReview {
            continue;
        }
        let values = meaning(app, &point.stored.record)?.values;
        let values = domain::value::to_json(kind, &values);
        let said = |name: &str| values.get(name).cloned().unwrap_or_default();
        let status = kind.field("status").and_then(|field| field.enumeration());
        let text = status.map(|states| {
            domain::label::enum_value(states, point.row.status().into(), out.language)
        });
        let mut row = Map::new();
        let mut put = |name: &str, value: Value| row.insert(name.to_owned(), value);
        put("id", point.stored.record.key.id.to_string().into());
        put("scope", scopes.code(point.stored.home)?.into());
        put("party_organisation", point.party.to_string().into());
        put("name", point.is_party.name.clone().into());
        put("year", said("year"));
        put("status", said("status"));
        put("status_text", text.into());
        put("dissolved_on", point.is_party.dissolved_on.clone().into());
        rows.push(row);
    }
    let none = out.say("没有待复核的示范点", "no point is under review");
    let none = none.to_owned();
    show_rows(None, &rows, COLUMNS, &none, out);
    Ok(())
}
