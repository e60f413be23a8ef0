//! `init`: from an empty directory to a city.

use std::path::Path;

use bytes::Bytes;
use domain::{parameters::programme_year_json, value};
use link::Authority;
use program::{
    App, Exit, Failure, Out,
    cli::Setting,
    dir::{Identity, Role, ScopeName, first_line, new_replica},
};
use replica::{Clock as _, Edit, RecordKey, Set, Source};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::command::InitArgs;

/// The first day that a scope of the plan's year is in use, where nothing else is known.
const VALID_FROM: &str = "2020-01-01";

/// Sets up a city.
///
/// # Errors
/// The code is none, a program was set up there before, or the directory cannot be written.
pub(crate) fn init(setting: &Setting, args: &InitArgs, out: &mut Out) -> Result<(), Failure> {
    check_code(&args.scope)?;
    let direct = city_direct(&args.scope);
    let passphrase = passphrase(setting, args.passphrase_file.as_deref())?;
    let dir = setting.options.dir()?;
    dir.create()?;
    let identity = Identity {
        role: Role::Hub,
        replica: new_replica()?,
        demo: args.demo,
        scope: ScopeName::of(&direct, "市直"),
        published: ScopeName::of(&args.scope, &args.name),
        hub: None,
    };
    let clock = program::clock::SystemClock::default();
    let wall_ms = clock.wall_ms();
    let secret = passphrase.as_ref().map(|text| text.as_str());
    Authority::create(dir.path(), identity.replica(), wall_ms, secret)
        .map_err(|error| authority_failed(&error))?;
    dir.make_seal()?;
    // The identity goes last: with it the directory counts as set up.
    dir.set_identity(&identity)?;
    let (app, writer) = App::open(&dir, setting.runtime.clone())?;
    let year = args
        .year
        .unwrap_or_else(|| u32::try_from(app.today().year()).unwrap_or(2020));
    let made = [
        scope_edit(&app, &args.scope, &args.name, None),
        scope_edit(&app, &direct, "市直", Some(&args.scope)),
        edit(
            &app,
            "programme_year",
            domain::year_record_id(year),
            &programme_year_json(year),
        ),
    ];
    let edits: Result<Vec<Edit>, Failure> = made.into_iter().collect();
    let written = edits.and_then(|edits| Ok(app.writer.edit(edits, Vec::new())?));
    writer.stop()?;
    written?;
    if out.json {
        out.document(&json!({"replica": identity.replica, "scope": args.scope, "year": year}));
    } else {
        let text = match out.language {
            domain::label::Language::Zh => {
                format!("已建立 {} {}，{year} 年度", args.scope, args.name)
            }
            domain::label::Language::En => {
                format!("{} {} is set up, year {year}", args.scope, args.name)
            }
        };
        out.line(text);
    }
    app.store_key.say_if_new(out);
    Ok(())
}

/// A scope code has six characters: a division, or a local code with L in the fifth place.
pub(crate) fn check_code(code: &str) -> Result<(), Failure> {
    if code.len() == 6 && domain::division::is_code(code) {
        return Ok(());
    }
    Err(Failure::new("HUB-002", Exit::Usage).with("scope", code))
}

/// The code of the city's own scope.
fn city_direct(city: &str) -> String {
    format!("{}L0", city.get(..4).unwrap_or(city))
}

/// Reads a passphrase: the first line of a file.
pub(crate) fn passphrase(
    setting: &Setting,
    file: Option<&Path>,
) -> Result<Option<Zeroizing<String>>, Failure> {
    let Some(file) = file else { return Ok(None) };
    let line = first_line(&setting.folder.join(file))?;
    if line.is_empty() {
        let empty = Failure::new("HUB-003", Exit::Usage);
        return Err(empty.with("detail", "the passphrase file is empty"));
    }
    Ok(Some(line))
}

/// What a failing authority means.
pub(crate) fn authority_failed(error: &link::AuthorityError) -> Failure {
    Failure::new("HUB-003", Exit::Refused).with("detail", program::failure::causes(error))
}

/// The record of a scope.
pub(crate) fn scope_edit(
    app: &App,
    code: &str,
    name: &str,
    parent: Option<&str>,
) -> Result<Edit, Failure> {
    let division = domain::division::latest(code);
    let local = domain::division::is_local(code);
    let kind = match division.map(|division| division.level) {
        _ if code.ends_with("L0") => "city_direct",
        _ if local => "functional_zone",
        Some("city") => "city",
        Some("county") => "county",
        Some("county_level_city") => "county_level_city",
        Some("functional_zone") => "functional_zone",
        _ if parent.is_none() => "city",
        _ => "district",
    };
    let values = json!({
        "code": code,
        "name": name,
        "kind": kind,
        "parent": parent,
        "code_source": if local { "local" } else { "gbt2260" },
        "valid_from": VALID_FROM,
        "expected_to_report": parent.is_some() && !code.ends_with("L0"),
    });
    let Value::Object(mut values) = values else {
        return Err(invalid("scope", "no object"));
    };
    values.retain(|_, value| !value.is_null());
    edit(app, "scope", domain::scope_record_id(code), &values)
}

/// An edit that makes a published record.
fn edit(
    app: &App,
    kind: &str,
    id: replica::RecordId,
    values: &Map<String, Value>,
) -> Result<Edit, Failure> {
    let spec = app
        .catalogue
        .kind_by_id(kind)
        .ok_or_else(|| invalid(kind, "unknown kind"))?;
    let nothing = |_register| Bytes::new();
    let set = value::edits_from_json(app.catalogue, spec, &nothing, values, &domain::NoResolve)
        .map_err(|findings| {
            let first = findings.into_iter().next();
            first.map_or_else(|| invalid(kind, "nothing"), |f| invalid(kind, &f.en))
        })?;
    Ok(Edit {
        key: RecordKey {
            kind: spec.kind,
            id,
        },
        scope: app.published(),
        set: set
            .into_iter()
            .map(|e| Set {
                register: e.register,
                value: e.value,
                shown: Vec::new(),
            })
            .collect(),
        author: app.author(),
        reason: "init".to_owned(),
        source: Source::Command,
        decision: Bytes::new(),
    })
}

fn invalid(kind: &str, what: &str) -> Failure {
    Failure::new("HUB-002", Exit::Invalid).with("scope", format!("{kind}: {what}"))
}

/// Makes the record of a scope at its first invitation.
///
/// # Errors
/// The scope is registered under another name or lies outside the city, or the store failed.
pub(crate) fn ensure_scope(app: &App, code: &str, name: &str) -> Result<(), Failure> {
    check_code(code)?;
    let kind = app.catalogue.kind_by_id("scope").map(|kind| kind.kind);
    let Some(kind) = kind else { return Ok(()) };
    let key = RecordKey {
        kind,
        id: domain::scope_record_id(code),
    };
    if let Some(stored) = app.reader().get(key)? {
        let effective = domain::effective(app.catalogue, &stored.record);
        let known: Result<proto::ledger::Scope, _> = domain::decode(&effective.values);
        let known = known.ok().and_then(|scope| scope.name).unwrap_or_default();
        if known != name {
            let other = Failure::new("HUB-004", Exit::Usage);
            return Err(other.with("scope", code).with("name", known));
        }
        return Ok(());
    }
    let city = app.identity.published.code.clone();
    // A local code is the city's own affair; a national one says by itself where it lies.
    if !domain::division::is_local(code) && code.get(..4) != city.get(..4) {
        let outside = Failure::new("HUB-006", Exit::Usage);
        return Err(outside.with("scope", code).with("city", city));
    }
    let edit = scope_edit(app, code, name, Some(&city))?;
    app.writer.edit(vec![edit], Vec::new())?;
    Ok(())
}
