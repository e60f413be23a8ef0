//! The one place where a command is let in: who gives it, whether the role has the right, and what of
//! it the audit list keeps.

use std::{
    path::Path,
    sync::{Arc, MutexGuard, PoisonError},
};

use domain::permission::{self, Grant, Right};

use super::{Account, Deed, WAIT_MS, WRONG_MAX, all, care, keep, password::Password, rule};
use crate::{
    app::App,
    audit,
    dir::first_line,
    failure::{Exit, Failure},
};

/// Holds what changes accounts or the audit list.
pub(crate) fn desk(app: &App) -> MutexGuard<'_, ()> {
    // Whoever held it and failed has left nothing half done: each change is one commit.
    app.desk.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Carries out a command as whoever gives it, if they may, and notes what the audit list keeps.
pub(crate) fn carry_out(
    app: App,
    password_file: Option<&Path>,
    deed: &Deed,
    run: impl FnOnce(&App) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let admitted = admit(&app, password_file).map(|grant| {
        let is_permitted = permitted(&app, grant.as_deref(), deed);
        (grant, is_permitted)
    });
    let (grant, is_permitted) = match admitted {
        Ok(admitted) => admitted,
        Err(failure) => return Err(noted(&app, deed, failure)),
    };
    let deed = &care::noted(grant.as_deref(), deed);
    if let Err(failure) = is_permitted {
        return Err(noted(&app, deed, failure));
    }
    let app = App {
        grant,
        reveals: deed.reveals,
        reviewed: Arc::default(),
        ..app
    };
    if deed.reveals {
        // Shown only when it stands on record that it was shown.
        audit::note(&app, deed, "shown")?;
    }
    match run(&app) {
        Ok(()) if deed.is_noted => audit::note(&app, deed, "done"),
        Ok(()) => Ok(()),
        Err(failure) if deed.is_noted || failure.exit == Exit::Refused => {
            Err(noted(&app, deed, failure))
        }
        Err(failure) => Err(failure),
    }
}

/// Notes a failure. That it cannot be noted changes nothing of it: nothing was done.
fn noted(app: &App, deed: &Deed, failure: Failure) -> Failure {
    if let Err(error) = audit::note(app, deed, &failure.code) {
        tracing::warn!(%error, code = failure.code, "a refusal could not be noted");
    }
    failure
}

fn permitted(app: &App, grant: Option<&Grant>, deed: &Deed) -> Result<(), Failure> {
    let Some(grant) = grant else { return Ok(()) };
    care::permitted(app, grant, deed)?;
    let reveal = deed.reveals.then_some(Right::Reveal);
    for right in deed.right.into_iter().chain(reveal) {
        permission::may(grant, right).map_err(|denied| rule::denied(grant, &denied))?;
    }
    Ok(())
}

/// Asks for a right where only part of a command needs it.
///
/// # Errors
/// The account has it not: exit code 4.
pub(crate) fn ask(app: &App, right: Right) -> Result<(), Failure> {
    match &app.grant {
        Some(grant) => permission::may(grant, right).map_err(|why| rule::denied(grant, &why)),
        None => Ok(()),
    }
}

/// Finds what the account was given. None while there are no accounts.
fn admit(app: &App, password_file: Option<&Path>) -> Result<Option<Arc<Grant>>, Failure> {
    let _one_at_a_time = desk(app);
    let accounts = all(app)?;
    if accounts.is_empty() {
        return Ok(None);
    }
    let found = accounts
        .into_iter()
        .find(|account| account.name == app.account);
    let password = password_file.map(|file| first_line(&app.path(file)));
    let password = password.transpose()?;
    let account = proven(app, found, password.as_ref().map(|text| text.as_str()))?;
    if account.disabled {
        return Err(Failure::new("AUTH-102", Exit::Refused).with("account", &account.name));
    }
    let unknown = || Failure::new("AUTH-114", Exit::Refused).with("role", &account.role);
    let grant = account
        .grant()
        .filter(|grant| grant.role.is_given(app.is_hub()));
    grant.map(|grant| Some(Arc::new(grant))).ok_or_else(unknown)
}

/// Proves an account. An account that is not known, one that waits and a wrong password get one
/// answer, after the same work.
fn proven(app: &App, found: Option<Account>, password: Option<&str>) -> Result<Account, Failure> {
    let refused = || Failure::new("AUTH-101", Exit::Refused).with("account", &app.account);
    let now_ms = app.clock.wall_ms();
    let Some(account) = found else {
        if let Some(text) = password {
            Password::nobody().is(text);
        }
        return Err(refused());
    };
    let Some(kept) = &account.password else {
        return Ok(account);
    };
    // Nothing was guessed where nothing was said.
    let text = password.ok_or_else(refused)?;
    if account.waits(now_ms) {
        Password::nobody().is(text);
        return Err(refused());
    }
    if kept.is(text) {
        if account.wrong == 0 {
            return Ok(account);
        }
        let account = Account {
            wrong: 0,
            wait_until_ms: 0,
            ..account
        };
        keep(app, &account)?;
        return Ok(account);
    }
    let wrong = account.wrong.saturating_add(1);
    let waits = wrong >= WRONG_MAX;
    let wait_until_ms = if waits {
        now_ms.saturating_add(WAIT_MS)
    } else {
        0
    };
    keep(
        app,
        &Account {
            wrong,
            wait_until_ms,
            ..account
        },
    )?;
    Err(refused())
}
