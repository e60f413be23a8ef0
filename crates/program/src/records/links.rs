//! References between records, and those that lead nowhere: "not yet linked".
//!
//! A reference may come before what it names, or name what a person has deleted. Nothing cascades:
//! the record stays as it is, and a person chooses another target by an ordinary edit. The list is
//! made when it is asked for; no table of targets has to be kept true.

use std::{cell::RefCell, collections::BTreeMap, ops::ControlFlow};

use domain::{Alias, Effective, across};
use replica::{RecordKey, ScopeId};
use serde_json::{Map, Value, json};
use store::Stored;

use super::{Scopes, alias_of, each, find, meaning};
use crate::{app::App, failure::Failure, output::Out};

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
        }
    }

    /// Whether it leads nowhere.
    #[must_use]
    pub fn dangles(self) -> bool {
        matches!(self, Self::Missing | Self::Deleted)
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
    ///
    /// # Errors
    /// The store is damaged or cannot be read.
    pub fn target(&self, key: RecordKey) -> Result<Target, Failure> {
        if let Some(known) = self.known.borrow().get(&key) {
            return Ok(*known);
        }
        let stored = self.app.reader().get(key)?;
        let target = match stored.filter(|stored| !stored.record.is_empty()) {
            None => Target::Missing,
            Some(stored) if meaning(self.app, &stored.record)?.deleted => Target::Deleted,
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
        let link = |(field, to): (&'static domain::FieldSpec, RecordKey)| {
            Ok(Link {
                from: stored.record.key,
                scope: stored.home,
                field: field.id.as_str(),
                to,
                target: self.target(to)?,
            })
        };
        references.into_iter().map(link).collect()
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

/// Every reference that leads nowhere, of one scope or of all.
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

/// The fields of a record that lead nowhere, for its document.
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
