//! `user …`: accounts, and what each role may do.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::{
    division,
    permission::{self, Care, GROUPS, Grant, Part, RIGHTS, Right, Role},
};
use replica::{RecordId, RecordKey};
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use crate::{
    accounts::{self, Account, Deed, New, gate},
    app::App,
    clock::moment,
    dir::first_line,
    failure::{Exit, Failure},
    output::Out,
    records::{Known, Scopes, find, kind_of, named, scope_of},
};

/// `user …`.
#[derive(Subcommand, Clone, Debug)]
pub enum UserCommand {
    /// Make an account; from the first on every command needs one
    Add(Box<AddArgs>),
    /// All accounts
    List,
    /// Give an account another password; everybody may change their own
    Passwd(PasswdArgs),
    /// Let an account do nothing any more
    Disable {
        /// The account
        name: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Let a disabled account work again
    Enable {
        /// The account
        name: String,
        /// Why
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// What each role may do
    Roles,
}

/// `user add`.
#[derive(Args, Clone, Debug)]
pub struct AddArgs {
    /// What it is called: the ACCOUNT in the author of a write
    pub name: String,
    /// Its role: see `user roles`
    #[arg(long)]
    pub role: String,
    /// The town of a `town_editor`, by its code
    #[arg(long, value_name = "CODE", group = "part")]
    pub town: Option<String>,
    /// The industry of an `industry_editor`, by its letter of GB/T 4754, A to T
    #[arg(long, value_name = "LETTER", group = "part")]
    pub industry: Option<String>,
    /// The industry authority of an `industry_editor`: the id or the name of an agency
    #[arg(long, value_name = "ID", group = "part")]
    pub agency: Option<String>,
    /// The park of a `park_editor`: the id or the name of a cluster
    #[arg(long, value_name = "ID", group = "part")]
    pub park: Option<String>,
    /// Organisations that a `district_editor` of another scope has in care (托管), by ids or names with
    /// commas between: it sees and writes them and what hangs on them, and nothing else
    #[arg(
        long,
        value_name = "ID,…",
        group = "part",
        value_delimiter = ',',
        requires = "care_for",
        requires = "until"
    )]
    pub care: Vec<String>,
    /// The scope that cares, by its code
    #[arg(long = "for", id = "care_for", value_name = "SCOPE", requires = "care")]
    pub care_for: Option<String>,
    /// The last day of the care
    #[arg(long, value_name = "DAY", requires = "care")]
    pub until: Option<String>,
    /// What people call whoever uses it
    #[arg(long, value_name = "TEXT")]
    pub display: Option<String>,
    /// Its password is the first line of this file
    #[arg(long, value_name = "FILE")]
    pub new_password_file: Option<PathBuf>,
    /// Why
    #[arg(long, default_value = "")]
    pub reason: String,
}

/// `user passwd`.
#[derive(Args, Clone, Debug)]
pub struct PasswdArgs {
    /// The account
    pub name: String,
    /// The new password is the first line of this file
    #[arg(long, value_name = "FILE", required_unless_present = "clear")]
    pub new_password_file: Option<PathBuf>,
    /// Take its password away: only whoever can open the directory can then use it
    #[arg(long, conflicts_with = "new_password_file")]
    pub clear: bool,
    /// Why
    #[arg(long, default_value = "")]
    pub reason: String,
}

impl UserCommand {
    /// What it does.
    #[must_use]
    pub fn deed(&self) -> Deed {
        let users = |name, account: &str, reason: &str| {
            // The name of an account is what the list is about, whatever it is.
            let deed = Deed {
                what: format!("user/{account}"),
                ..Deed::of(name, Right::Users)
            };
            deed.noted().because(reason)
        };
        match self {
            Self::Add(args) => users("user add", &args.name, &args.reason),
            Self::List => Deed::of("user list", Right::Users),
            // Whose password it is decides who may: see below.
            Self::Passwd(args) => Deed {
                right: None,
                ..users("user passwd", &args.name, &args.reason)
            },
            Self::Disable { name, reason } => users("user disable", name, reason),
            Self::Enable { name, reason } => users("user enable", name, reason),
            Self::Roles => Deed::open("user roles"),
        }
    }
}

/// Runs `user …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: &UserCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        UserCommand::Add(args) => add(app, args, out),
        UserCommand::List => list(app, out),
        UserCommand::Passwd(args) => {
            if args.name != app.account || args.clear {
                gate::ask(app, Right::Users)?;
            }
            let file = args.new_password_file.as_ref();
            let password = file.map(|file| first_line(&app.path(file))).transpose()?;
            accounts::set_password(app, &args.name, password)?;
            show(&accounts::named(app, &args.name)?, app, out);
            Ok(())
        }
        UserCommand::Disable { name, .. } => switch(app, name, true, out),
        UserCommand::Enable { name, .. } => switch(app, name, false, out),
        UserCommand::Roles => {
            roles(app, out);
            Ok(())
        }
    }
}

fn switch(app: &App, name: &str, disabled: bool, out: &mut Out) -> Result<(), Failure> {
    accounts::set_disabled(app, name, disabled)?;
    show(&accounts::named(app, name)?, app, out);
    Ok(())
}

fn add(app: &App, args: &AddArgs, out: &mut Out) -> Result<(), Failure> {
    crate::cli::check_account(&args.name)?;
    let unknown = || Failure::new("AUTH-114", Exit::Usage).with("role", &args.role);
    let role = Role::named(&args.role).ok_or_else(unknown)?;
    let file = args.new_password_file.as_ref();
    let password: Option<Zeroizing<String>> =
        file.map(|file| first_line(&app.path(file))).transpose()?;
    let is_first = accounts::all(app)?.is_empty();
    let account = accounts::add(
        app,
        New {
            name: &args.name,
            display: args.display.clone(),
            grant: Grant {
                role,
                part: part(app, args)?,
            },
            password,
        },
    )?;
    if is_first {
        out.note(out.say(
            "这是第一个账号：从现在起，每条命令都要用 --as 写明一个已建立的账号。",
            "This is the first account: from now on every command needs --as with an account that was made.",
        ));
    }
    if account.password.is_none() {
        out.note(out.say(
            "这个账号没有口令：凡是操作系统允许打开数据目录的人都能使用它。",
            "This account has no password: whoever the system lets open the directory can use it.",
        ));
    }
    show(&account, app, out);
    Ok(())
}

/// The part of the scope that the options name.
fn part(app: &App, args: &AddArgs) -> Result<Option<Part>, Failure> {
    let there = |kind: &str, text: &str| -> Result<RecordId, Failure> {
        let kind = kind_of(app, kind)?;
        let id = named(&Known::new(app), kind, text)?.id;
        let key = RecordKey {
            kind: kind.kind,
            id,
        };
        Ok(find(app, key)?.record.key.id)
    };
    let wrong = |what: &str| Failure::new("AUTH-119", Exit::Invalid).with("part", what);
    if let Some((scope, until)) = args.care_for.as_ref().zip(args.until.as_ref()) {
        let organisations = args.care.iter().map(|text| there("organisation", text));
        let organisations: Vec<RecordId> = organisations.collect::<Result<_, _>>()?;
        return Ok(Some(Part::Care(care(app, organisations, scope, until)?)));
    }
    if let Some(code) = &args.town {
        let is_town = division::is_plausible(code) && code.len() > 6;
        return if is_town {
            Ok(Some(Part::Town(code.clone())))
        } else {
            Err(wrong(code))
        };
    }
    if let Some(letter) = &args.industry {
        return match domain::text::is_industry(letter) {
            true => Ok(Some(Part::Industry(letter.clone()))),
            false => Err(wrong(letter)),
        };
    }
    if let Some(text) = &args.agency {
        return Ok(Some(Part::Agency(there("agency", text)?)));
    }
    let park = args.park.as_ref();
    park.map(|text| Ok(Part::Park(there("cluster", text)?)))
        .transpose()
}

/// Care of organisations of this scope for another one, until a day that has not passed.
fn care(
    app: &App,
    organisations: Vec<RecordId>,
    scope: &str,
    until: &str,
) -> Result<Care, Failure> {
    let wrong = |what: &str| Failure::new("AUTH-123", Exit::Invalid).with("what", what);
    let kind = kind_of(app, "organisation")?.kind;
    for id in &organisations {
        let stored = find(app, RecordKey { kind, id: *id })?;
        if stored.home != app.scope() {
            return Err(wrong(&id.to_string()));
        }
    }
    let carer = scope_of(app, scope)?;
    let day = domain::date::read(until).filter(|day| *day >= app.today());
    match day {
        Some(until) if !app.is_own(carer) => Ok(Care {
            organisations,
            scope: Scopes::new(app).code(carer)?,
            until,
        }),
        Some(_) => Err(wrong(scope)),
        None => Err(wrong(until)),
    }
}

fn json_of(account: &Account, app: &App) -> Value {
    json!({
        "name": account.name,
        "role": account.role,
        "part": account.part,
        "display": account.display,
        "enabled": !account.disabled,
        "password": account.password.is_some(),
        "waiting": account.waits(app.clock.wall_ms()),
        "made_at": format!("{}+08:00", moment(account.made_ms).replace(' ', "T")),
        "made_by": account.made_by,
    })
}

fn show(account: &Account, app: &App, out: &mut Out) {
    if out.json {
        out.document(&json_of(account, app));
    } else {
        table(std::slice::from_ref(account), app, out);
    }
}

fn list(app: &App, out: &mut Out) -> Result<(), Failure> {
    let all = accounts::all(app)?;
    if out.json {
        out.document(&all.iter().map(|account| json_of(account, app)).collect());
        return Ok(());
    }
    if all.is_empty() {
        out.line(out.say(
            "还没有账号：能打开数据目录的人都是管理员。",
            "There are no accounts yet: whoever can open the directory is administrator.",
        ));
        return Ok(());
    }
    table(&all, app, out);
    Ok(())
}

fn table(accounts: &[Account], app: &App, out: &mut Out) {
    let now_ms = app.clock.wall_ms();
    let row = |account: &Account| {
        let role = Role::named(&account.role);
        let role = role.map_or(account.role.as_str(), |role| out.say(role.zh(), role.en()));
        let state = match (account.disabled, account.waits(now_ms)) {
            (true, _) => out.say("已停用", "disabled"),
            (false, true) => out.say("口令输错，等待中", "waits after wrong passwords"),
            (false, false) => out.say("启用", "enabled"),
        };
        let password = match account.password {
            Some(_) => out.say("有", "yes"),
            None => out.say("无", "no"),
        };
        vec![
            account.name.clone(),
            account.display.clone().unwrap_or_default(),
            role.to_owned(),
            part_of(account, out),
            password.to_owned(),
            state.to_owned(),
        ]
    };
    let rows: Vec<Vec<String>> = accounts.iter().map(row).collect();
    let headings = [
        out.say("账号", "account"),
        out.say("称呼", "called"),
        out.say("角色", "role"),
        out.say("范围", "part"),
        out.say("口令", "password"),
        out.say("状态", "state"),
    ];
    out.table(&headings, &rows);
}

/// The part of an account, in words where its text is none.
fn part_of(account: &Account, out: &Out) -> String {
    let grant = account.grant();
    let words = match grant.as_ref().and_then(|grant| grant.part.as_ref()) {
        part @ Some(Part::Care(_)) => Some(accounts::part_words(part)),
        _ => None,
    };
    let text = account.part.clone().unwrap_or_default();
    words.map_or(text, |(zh, en)| out.say(&zh, &en).to_owned())
}

/// Prints the table of roles: what each writes, approves, and does beside.
fn roles(app: &App, out: &mut Out) {
    if out.json {
        let one = |role: Role| {
            let cells: Map<String, Value> = GROUPS
                .iter()
                .map(|group| (group.id.to_owned(), group.cell(role).into()))
                .collect();
            let rights = RIGHTS.iter().map(|(right, _)| *right);
            let rights = rights.filter(|right| permission::has(role, *right));
            json!({
                "role": role.id(),
                "zh": role.zh(),
                "en": role.en(),
                "here": role.is_given(app.is_hub()),
                "kinds": cells,
                "rights": rights.map(Right::id).collect::<Vec<_>>(),
            })
        };
        out.document(&Role::ALL.into_iter().map(one).collect());
        return;
    }
    let mark = out.say("、", ", ");
    let groups = |role: Role, marks: &[&str]| {
        let of = GROUPS
            .iter()
            .filter(|group| marks.contains(&group.cell(role)));
        let names = of.map(|group| out.say(group.zh, group.en));
        names.collect::<Vec<_>>().join(mark)
    };
    let row = |role: Role| {
        let rights = RIGHTS.iter().map(|(right, _)| *right);
        let rights = rights.filter(|right| permission::has(role, *right));
        let rights = rights.map(|right| out.say(right.zh(), right.en()));
        vec![
            format!("{} {}", role.id(), out.say(role.zh(), role.en())),
            groups(role, &["w", "wa"]),
            groups(role, &["p", "f"]),
            groups(role, &["a", "wa"]),
            rights.collect::<Vec<_>>().join(mark),
        ]
    };
    let rows: Vec<Vec<String>> = Role::ALL.into_iter().map(row).collect();
    let headings = [
        out.say("角色", "role"),
        out.say("填写", "writes"),
        out.say("在本范围内填写", "writes in its part"),
        out.say("审核", "approves"),
        out.say("其他", "beside"),
    ];
    out.table(&headings, &rows);
}
