//! Accounts: who may give commands here, in which role, and how they prove who they are.
//!
//! They are this replica's own: they lie beside the records, no feed carries them, and a backup has
//! them. Until the first is made everybody who can open the directory may do everything; from then on
//! every command is asked about in one place (`accounts::gate`). An account without a password says who
//! somebody is and proves nothing: whoever has the system's right to the directory can use it.

pub(crate) mod care;
mod deed;
pub(crate) mod gate;
mod password;
mod rule;
#[cfg(test)]
mod tests;

use domain::permission::{Care, Grant, Part, Role};
use replica::RecordId;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::{
    app::App,
    failure::{Exit, Failure},
};
pub use deed::Deed;
use password::Password;
pub(crate) use rule::{may_write, part_words};

/// Under these names accounts lie in the store.
const PREFIX: &str = "account/";

/// Wrong passwords in a row after which an account waits.
const WRONG_MAX: u32 = 5;

/// How long it then waits, and again after each further wrong one.
const WAIT_MS: u64 = 15 * 60 * 1_000;

/// One account, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// What it is called: ACCOUNT in the author of a write.
    pub name: String,
    /// What people call whoever uses it.
    #[serde(default)]
    pub display: Option<String>,
    /// The name of its role.
    pub role: String,
    /// The part of the scope that it is bound to: `town:410305005`, `industry:L`, `agency:ID`,
    /// `park:ID`, `care:SCOPE:LAST-DAY:ID,ID`.
    #[serde(default)]
    pub part: Option<String>,
    /// How its password is checked; none for one that has none.
    #[serde(default)]
    pub password: Option<Password>,
    /// It may do nothing any more.
    #[serde(default)]
    pub disabled: bool,
    /// When it was made, milliseconds since 1970.
    pub made_ms: u64,
    /// Who made it: ACCOUNT@replica.
    pub made_by: String,
    /// Wrong passwords since the last right one.
    #[serde(default)]
    pub wrong: u32,
    /// Until when no password is looked at, milliseconds since 1970.
    #[serde(default)]
    pub wait_until_ms: u64,
}

impl Account {
    /// What it was given; none where a newer program gave what this one does not know.
    #[must_use]
    pub fn grant(&self) -> Option<Grant> {
        let role = Role::named(&self.role)?;
        let part = match &self.part {
            Some(text) => Some(part_of(text)?),
            None => None,
        };
        role.fits(part.as_ref()).then_some(Grant { role, part })
    }

    /// Whether it can be used to look after the accounts.
    fn manages(&self) -> bool {
        let role = Role::named(&self.role);
        !self.disabled && role.is_some_and(Role::manages)
    }

    /// Whether it waits after wrong passwords.
    #[must_use]
    pub fn waits(&self, now_ms: u64) -> bool {
        now_ms < self.wait_until_ms
    }
}

fn id_of(text: &str) -> Option<RecordId> {
    let id = uuid::Uuid::try_parse(text).ok()?;
    Some(RecordId(id.into_bytes()))
}

/// Reads a part as it is kept.
fn part_of(text: &str) -> Option<Part> {
    let (what, which) = text.split_once(':')?;
    match what {
        "town" => Some(Part::Town(which.to_owned())),
        "industry" => Some(Part::Industry(which.to_owned())),
        "agency" => id_of(which).map(Part::Agency),
        "park" => id_of(which).map(Part::Park),
        "care" => care_of(which).map(Part::Care),
        _ => None,
    }
}

fn care_of(text: &str) -> Option<Care> {
    let mut parts = text.splitn(3, ':');
    let (scope, until, ids) = (parts.next()?, parts.next()?, parts.next()?);
    let organisations: Option<Vec<RecordId>> = ids.split(',').map(id_of).collect();
    Some(Care {
        organisations: organisations?,
        scope: scope.to_owned(),
        until: domain::date::stored(until)?,
    })
}

/// A part as it is kept.
fn part_text(part: &Part) -> String {
    match part {
        Part::Town(code) => format!("town:{code}"),
        Part::Industry(letter) => format!("industry:{letter}"),
        Part::Agency(id) => format!("agency:{id}"),
        Part::Park(id) => format!("park:{id}"),
        Part::Care(care) => {
            let ids = care.organisations.iter().map(RecordId::to_string);
            let ids = ids.collect::<Vec<_>>().join(",");
            let until = domain::date::text(care.until);
            format!("care:{}:{until}:{ids}", care.scope)
        }
    }
}

/// An account that is to be made.
#[derive(Debug)]
pub struct New<'a> {
    /// Its name.
    pub name: &'a str,
    /// What people call whoever uses it.
    pub display: Option<String>,
    /// What it is given.
    pub grant: Grant,
    /// Its first password.
    pub password: Option<Zeroizing<String>>,
}

/// All accounts, by name.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn all(app: &App) -> Result<Vec<Account>, Failure> {
    let stored = app.reader().locals(PREFIX)?;
    let read = |(name, text): (String, bytes::Bytes)| {
        serde_json::from_slice(&text).map_err(|error| {
            // An account that cannot be read must not open the door for everybody.
            Failure::new("AUTH-118", Exit::Store)
                .with("account", name.trim_start_matches(PREFIX))
                .with("detail", error)
        })
    };
    stored.into_iter().map(read).collect()
}

/// One account.
///
/// # Errors
/// There is none of the name, or the store cannot be read.
pub fn named(app: &App, name: &str) -> Result<Account, Failure> {
    let found = all(app)?.into_iter().find(|account| account.name == name);
    found.ok_or_else(|| Failure::new("AUTH-113", Exit::Invalid).with("account", name))
}

fn keep(app: &App, account: &Account) -> Result<(), Failure> {
    let value = serde_json::to_vec(account).unwrap_or_default();
    let name = format!("{PREFIX}{}", account.name);
    app.writer.edit(Vec::new(), vec![(name, Some(value))])?;
    Ok(())
}

/// Makes an account.
///
/// # Errors
/// The name is taken, the role is not given here, the first account would look after no accounts,
/// the password is too weak, or the store failed.
pub fn add(app: &App, new: New<'_>) -> Result<Account, Failure> {
    let New {
        name,
        display,
        grant,
        password,
    } = new;
    if !grant.role.is_given(app.is_hub()) || !grant.role.fits(grant.part.as_ref()) {
        return Err(Failure::new("AUTH-114", Exit::Usage).with("role", grant.role.id()));
    }
    let password = password.map(|text| Password::new(&text)).transpose()?;
    let _one_at_a_time = gate::desk(app);
    let known = all(app)?;
    if known.iter().any(|account| account.name == name) {
        return Err(Failure::new("AUTH-112", Exit::Invalid).with("account", name));
    }
    if known.is_empty() && !grant.role.manages() {
        return Err(Failure::new("AUTH-111", Exit::Usage).with("role", grant.role.id()));
    }
    let account = Account {
        name: name.to_owned(),
        display,
        role: grant.role.id().to_owned(),
        part: grant.part.as_ref().map(part_text),
        password,
        disabled: false,
        made_ms: app.clock.wall_ms(),
        made_by: app.author(),
        wrong: 0,
        wait_until_ms: 0,
    };
    keep(app, &account)?;
    Ok(account)
}

/// Gives an account another password, or takes its password away. It waits no longer.
///
/// # Errors
/// There is no such account, the password is too weak, or the store failed.
pub fn set_password(
    app: &App,
    name: &str,
    password: Option<Zeroizing<String>>,
) -> Result<(), Failure> {
    let password = password.map(|text| Password::new(&text)).transpose()?;
    let _one_at_a_time = gate::desk(app);
    let account = Account {
        password,
        wrong: 0,
        wait_until_ms: 0,
        ..named(app, name)?
    };
    keep(app, &account)
}

/// Lets an account do nothing any more, or again.
///
/// # Errors
/// There is no such account, nobody would be left to look after the accounts, or the store failed.
pub fn set_disabled(app: &App, name: &str, disabled: bool) -> Result<(), Failure> {
    let _one_at_a_time = gate::desk(app);
    let account = Account {
        disabled,
        ..named(app, name)?
    };
    let others = all(app)?;
    let mut others = others.iter().filter(|other| other.name != name);
    if !account.manages() && !others.any(Account::manages) {
        return Err(Failure::new("AUTH-110", Exit::Refused).with("account", name));
    }
    keep(app, &account)
}

/// What `doctor` says of the accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// How many there are.
    pub count: usize,
    /// Those that wait after wrong passwords.
    pub waiting: Vec<String>,
}

/// How it stands with the accounts.
///
/// # Errors
/// The store is damaged or cannot be read.
pub fn standing(app: &App) -> Result<Standing, Failure> {
    let all = all(app)?;
    let now_ms = app.clock.wall_ms();
    let waiting = all.iter().filter(|account| account.waits(now_ms));
    Ok(Standing {
        count: all.len(),
        waiting: waiting.map(|account| account.name.clone()).collect(),
    })
}
