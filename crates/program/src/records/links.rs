//! References between records, and those that lead nowhere: "not yet linked".
//!
//! A reference may come before what it names, or name what a person has deleted; a Party
//! organisation may end in one scope while another scope says that it covers somebody. Nothing
//! cascades: the record stays as it is, and a person chooses another target, or ends the link, by
//! an ordinary edit. The list is made when it is asked for; no table of targets has to be kept true.

use std::{cell::RefCell, collections::BTreeMap, ops::ControlFlow};

use domain::{Alias, Effective, KindSpec, across, date, decode};
use proto::ledger::{CoverageLink, PartyOrgStatus, PartyOrganisation};
use replica::{RecordKey, ScopeId};
use serde_json::{Map, Value, json};
use store::Stored;

use super::{Scopes, alias_of, each, find, kind_of, meaning};
use crate::{app::App, failure::Failure, output::Out};

/// The kind that says who is covered by which Party organisation.
const COVERAGE: &str = "coverage_link";

/// What a reference leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// A record that is here.
    Here,
    /// A record that was merged into another, which is read in its place.
    Merged(RecordKey),
    /// Nothing that is known here.
    Missing,
    /// A record that was deleted.
    Deleted,
    /// A Party organisation that has ended under a coverage that goes on: it covers nobody.
    Ended,
}

impl Target {
    /// Its name in commands and files.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Here => "here",
            Self::Merged(_) => "merged",
            Self::Missing => "missing",
            Self::Deleted => "deleted",
            Self::Ended => "ended",
        }
    }

    /// Whether it leads nowhere, or to what has ended.
    #[must_use]
    pub fn dangles(self) -> bool {
        matches!(self, Self::Missing | Self::Deleted | Self::Ended)
    }

    fn why(self, out: &Out) -> &str {
        match self {
            Self::Here => out.say("已关联", "linked"),
            Self::Merged(_) => out.say(
                "所指记录已并入另一条，按保留的记录读取",
                "the record was merged into another, which is read in its place",
            ),
            Self::Missing => out.say(
                "尚未关联：这里还没有所指的记录，收到后自动关联；若填错，请改填其他记录，关键字段则删除后重建",
                "not yet linked: the record is not here; it links by itself when it comes. If it is wrong, choose another, or delete and make anew where it is a key field",
            ),
            Self::Deleted => out.say(
                "尚未关联：所指的记录已删除；请改填其他记录，关键字段则删除后重建，或恢复所指的记录",
                "not linked: the record was deleted; choose another, or delete and make anew where it is a key field, or restore it",
            ),
            Self::Ended => out.say(
                "党组织已撤销：这条覆盖关系保留，但自撤销之日起不算覆盖；请填写终止日期，再为单位另选党组织或选派指导员",
                "the Party organisation was dissolved: the link is kept and covers nobody from that day; end it, then choose another Party organisation or send an instructor",
            ),
        }
    }
}

/// One reference.
#[derive(Clone, Debug)]
pub struct Link {
    /// The record that refers.
    pub from: RecordKey,
    /// The scope it belongs to.
    pub scope: ScopeId,
    /// The field.
    pub field: &'static str,
    /// What it names.
    pub to: RecordKey,
    /// What that leads to.
    pub target: Target,
}

/// Looks up what references lead to, each target once.
#[derive(Debug)]
pub struct Links<'a> {
    app: &'a App,
    known: RefCell<BTreeMap<RecordKey, Target>>,
}

impl<'a> Links<'a> {
    /// Returns a table of nothing.
    #[must_use]
    pub fn new(app: &'a App) -> Self {
        Self {
            app,
            known: RefCell::new(BTreeMap::new()),
        }
    }

    /// What a key leads to.
    fn target(&self, key: RecordKey) -> Result<Target, Failure> {
        if let Some(known) = self.known.borrow().get(&key) {
            return Ok(*known);
        }
        let stored = self.app.reader().get(key)?;
        let read = stored.filter(|stored| !stored.record.is_empty());
        let read = read.map(|stored| meaning(self.app, &stored.record));
        let target = match read.transpose()? {
            None => Target::Missing,
            Some(meaning) if meaning.deleted => Target::Deleted,
            Some(meaning) if self.has_ended(key, &meaning.values) => Target::Ended,
            Some(_) => match alias_of(self.app, key)? {
                Alias::Of(id) => Target::Merged(RecordKey { id, ..key }),
                Alias::Itself | Alias::Circle => Target::Here,
            },
        };
        self.known.borrow_mut().insert(key, target);
        Ok(target)
    }

    /// The references of a record.
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn of(&self, stored: &Stored, meaning: &Effective) -> Result<Vec<Link>, Failure> {
        let catalogue = self.app.catalogue;
        let Some(kind) = catalogue.kind(stored.record.key.kind) else {
            return Ok(Vec::new());
        };
        let references = across::references(catalogue, kind, &meaning.values);
        let goes_on = self.covers(kind, &meaning.values);
        let link = |(field, to): (&'static domain::FieldSpec, RecordKey)| {
            let target = match self.target(to)? {
                Target::Ended if !goes_on => Target::Here,
                target => target,
            };
            Ok(Link {
                from: stored.record.key,
                scope: stored.home,
                field: field.id.as_str(),
                to,
                target,
            })
        };
        references.into_iter().map(link).collect()
    }

    /// Whether a record says of a Party organisation that it covers somebody after today.
    fn covers(&self, kind: &KindSpec, values: &[u8]) -> bool {
        kind.id == COVERAGE && {
            let row: CoverageLink = decode(values).unwrap_or_default();
            let to = row.to_on.as_deref().and_then(date::stored);
            to.is_none_or(|to| to > self.app.today())
        }
    }

    /// Whether what a key names has ended: a Party organisation that was dissolved.
    fn has_ended(&self, key: RecordKey, values: &[u8]) -> bool {
        let kind = self.app.catalogue.kind(key.kind);
        kind.is_some_and(|kind| kind.id == "party_organisation") && {
            let row: PartyOrganisation = decode(values).unwrap_or_default();
            let day = row.dissolved_on.as_deref().and_then(date::stored);
            let is_said = row.status() == PartyOrgStatus::Dissolved;
            day.map_or(is_said, |day| day <= self.app.today())
        }
    }
}

/// The references of one record.
///
/// # Errors
/// There is no such record, or the store is damaged or cannot be read.
pub fn links_of(app: &App, key: RecordKey) -> Result<Vec<Link>, Failure> {
    let stored = find(app, key)?;
    Links::new(app).of(&stored, &meaning(app, &stored.record)?)
}

/// Every reference that leads nowhere or to what has ended, of one scope or of all.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn dangling(app: &App, scope: Option<ScopeId>) -> Result<Vec<Link>, Failure> {
    let links = Links::new(app);
    let mut all = Vec::new();
    for kind in app.catalogue.kinds() {
        each(app, kind.kind, scope, None, &mut |stored, meaning| {
            let found = links.of(stored, meaning)?;
            all.extend(found.into_iter().filter(|link| link.target.dangles()));
            Ok(ControlFlow::Continue(()))
        })?;
    }
    Ok(all)
}

/// The coverages of this scope that go on while their Party organisation has ended.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn ended(app: &App) -> Result<Vec<Link>, Failure> {
    let links = Links::new(app);
    let mut all = Vec::new();
    let kind = kind_of(app, COVERAGE)?.kind;
    each(
        app,
        kind,
        Some(app.scope()),
        None,
        &mut |stored, meaning| {
            let found = links.of(stored, meaning)?;
            all.extend(
                found
                    .into_iter()
                    .filter(|link| link.target == Target::Ended),
            );
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(all)
}

/// References for scripts.
///
/// # Errors
/// The store is damaged or cannot be read.
pub(crate) fn links_json(app: &App, links: &[Link], out: &Out) -> Result<Vec<Value>, Failure> {
    let scopes = Scopes::new(app);
    let one = |link: &Link| {
        let name = |key| across::name(app.catalogue, key);
        let mut entry = Map::new();
        entry.insert("record".to_owned(), name(link.from).into());
        entry.insert("scope".to_owned(), scopes.code(link.scope)?.into());
        entry.insert("field".to_owned(), link.field.into());
        entry.insert("target".to_owned(), name(link.to).into());
        entry.insert("state".to_owned(), link.target.id().into());
        if let Target::Merged(into) = link.target {
            entry.insert("read_as".to_owned(), name(into).into());
        }
        entry.insert("why".to_owned(), link.target.why(out).into());
        Ok(Value::Object(entry))
    };
    links.iter().map(one).collect()
}

/// The fields of a record that lead nowhere or to what has ended, for its document.
///
/// # Errors
/// There is no such record, or the store is damaged or cannot be read.
pub(crate) fn unlinked(app: &App, key: RecordKey) -> Result<Vec<Value>, Failure> {
    let links = links_of(app, key)?;
    let dangling = links.into_iter().filter(|link| link.target.dangles());
    let one = |link: Link| {
        json!({
            "field": link.field,
            "target": across::name(app.catalogue, link.to),
            "state": link.target.id(),
        })
    };
    Ok(dangling.map(one).collect())
}
