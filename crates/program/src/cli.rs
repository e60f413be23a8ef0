//! The command line: options, the commands both programs have, and where a command runs.

use std::{
    ffi::OsString,
    io,
    path::PathBuf,
    process::ExitCode,
    sync::{Arc, OnceLock},
};

use clap::{Args, FromArgMatches as _, Parser, Subcommand, ValueEnum};
use domain::{Date, label::Language, permission::Right};

use crate::{
    accounts::{Deed, gate},
    admin,
    app::{App, Live},
    dir::{Dir, Role},
    failure::{Exit, Failure},
    logging,
    output::{Out, Part},
    records, rewrite,
};

/// The language of texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lang {
    /// Chinese.
    Zh,
    /// English.
    En,
}

/// What every command takes.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Who gives the command: the author of a write is ACCOUNT@replica
    #[arg(
        long = "as",
        global = true,
        env = "LIANGXIN_AS",
        value_name = "ACCOUNT",
        default_value = "operator"
    )]
    pub account: String,
    /// The account's password is the first line of this file
    #[arg(
        long,
        global = true,
        env = "LIANGXIN_PASSWORD_FILE",
        value_name = "FILE"
    )]
    pub password_file: Option<PathBuf>,
    /// The program's directory
    #[arg(long, global = true, env = "LIANGXIN_DATA", value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Print one JSON document on stdout
    #[arg(long, global = true)]
    pub json: bool,
    /// The date that stands for today, where the store was made with --demo
    #[arg(long, global = true, value_name = "DATE")]
    pub today: Option<String>,
    /// The language of texts (default: the locale, else zh)
    #[arg(long, global = true, value_enum)]
    pub lang: Option<Lang>,
}

impl Options {
    /// The language of texts: the option, the locale, else Chinese.
    #[must_use]
    pub fn language(&self) -> Language {
        match self.lang {
            Some(Lang::Zh) => Language::Zh,
            Some(Lang::En) => Language::En,
            None => locale(),
        }
    }

    /// The directory.
    ///
    /// # Errors
    /// It was not given.
    pub fn dir(&self) -> Result<Dir, Failure> {
        let path = self
            .data
            .as_ref()
            .ok_or_else(|| Failure::new("USAGE-001", Exit::Usage))?;
        Ok(Dir::new(path))
    }

    fn today(&self) -> Result<Option<Date>, Failure> {
        let Some(text) = &self.today else {
            return Ok(None);
        };
        let date = domain::date::read(text);
        let wrong = || Failure::new("USAGE-002", Exit::Usage).with("date", text);
        date.map(Some).ok_or_else(wrong)
    }
}

fn locale() -> Language {
    let set = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok());
    match set {
        Some(value) if value.starts_with("en") => Language::En,
        _ => Language::Zh,
    }
}

/// Where a command runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In its own process, before a store is opened.
    Local,
    /// On an opened store: in the serving program if there is one, else here.
    Store,
    /// In the serving program if there is one, else in its own process, before a store is opened.
    Beside,
}

/// The commands that both programs have.
#[derive(Subcommand, Clone, Debug)]
pub enum Common {
    /// Who I am, peers, lag, pending, refused, conflicts
    Status,
    /// Read and write records
    #[command(subcommand)]
    Record(crate::commands::record::RecordCommand),
    /// Files that records name as evidence: attach, list, ask for
    #[command(subcommand)]
    Attachment(crate::commands::attachment::AttachmentCommand),
    /// Read a spreadsheet into records
    Import(crate::commands::import::ImportArgs),
    /// Write records to a file
    Export(crate::commands::export::ExportArgs),
    /// See and decide conflicts
    #[command(subcommand)]
    Conflict(crate::commands::conflict::ConflictCommand),
    /// Writes that came too late: see and answer them
    #[command(subcommand)]
    Proposal(crate::commands::proposal::ProposalCommand),
    /// Figures
    #[command(subcommand)]
    Report(crate::commands::report::ReportCommand),
    /// Quarterly returns: the figures of a quarter, signed and accepted
    #[command(subcommand)]
    Return(crate::commands::returns::ReturnCommand),
    /// What a figure is made of
    #[command(subcommand)]
    Explain(crate::commands::report::ExplainCommand),
    /// What the city asks districts to correct
    #[command(subcommand)]
    Change(crate::commands::change::ChangeCommand),
    /// The programme year: see it; open, publish, settle and archive it
    #[command(subcommand)]
    Year(crate::commands::year::YearCommand),
    /// What the rules have to say of the data
    #[command(subcommand)]
    Quality(crate::commands::table::QualityCommand),
    /// Prove fingerprints and journal against the data
    Verify,
    /// Prove with the other side that nothing was lost
    #[command(subcommand)]
    Certificate(crate::commands::certificate::CertificateCommand),
    /// The hub's signed word that a delivery is durable
    #[command(subcommand)]
    Receipt(crate::commands::receipt::ReceiptCommand),
    /// Write a backup
    Backup(crate::commands::store::BackupArgs),
    /// Exchange with the other side by files, without a line
    #[command(subcommand)]
    Bundle(crate::commands::bundle::BundleCommand),
    /// Make a directory from a backup
    Restore(crate::commands::store::RestoreArgs),
    /// Build a damaged store anew from what can be read of it, a backup, and the peer
    Repair(crate::commands::repair::RepairArgs),
    /// Erase a person's values; contacts that stay at home
    #[command(subcommand)]
    Person(crate::commands::person::PersonCommand),
    /// Writes that were refused, and what to do about them
    #[command(subcommand)]
    Refusal(crate::commands::refusal::RefusalCommand),
    /// Records that are held back
    #[command(subcommand)]
    Quarantine(crate::commands::quarantine::QuarantineCommand),
    /// Settings
    #[command(subcommand)]
    Config(crate::commands::store::ConfigCommand),
    /// Fictional data, in a store for demonstration
    #[command(subcommand)]
    Demo(crate::commands::demo::DemoCommand),
    /// Accounts, and what each role may do
    #[command(subcommand)]
    User(crate::commands::user::UserCommand),
    /// What was done here, by whom, when and why
    #[command(subcommand)]
    Audit(crate::commands::audit::AuditCommand),
    /// Look for what an operator should know
    Doctor,
}

impl Common {
    /// Where it runs.
    #[must_use]
    pub fn place(&self) -> Place {
        match self {
            Self::Restore(args) if args.dry_run => Place::Beside,
            Self::Repair(args) if args.needs_store() => Place::Store,
            Self::Restore(_) | Self::Repair(_) | Self::Config(_) => Place::Local,
            Self::Certificate(command) => command.place(),
            Self::Receipt(command) => command.place(),
            Self::Status
            | Self::Record(_)
            | Self::Attachment(_)
            | Self::Import(_)
            | Self::Export(_)
            | Self::Conflict(_)
            | Self::Proposal(_)
            | Self::Report(_)
            | Self::Explain(_)
            | Self::Change(_)
            | Self::Year(_)
            | Self::Return(_)
            | Self::Quality(_)
            | Self::Verify
            | Self::Backup(_)
            | Self::Bundle(_)
            | Self::Person(_)
            | Self::Refusal(_)
            | Self::Quarantine(_)
            | Self::Demo(_)
            | Self::User(_)
            | Self::Audit(_)
            | Self::Doctor => Place::Store,
        }
    }

    /// What it does, as the table of roles and the audit list name it.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::Status => Deed::open("status"),
            Self::Doctor => Deed::open("doctor"),
            Self::Verify => Deed::open("verify"),
            Self::Config(_) => Deed::open("config"),
            Self::Record(command) => command.deed(),
            Self::Import(args) => args.deed(),
            Self::Export(args) => args.deed(),
            Self::Conflict(command) => command.deed(),
            Self::Proposal(command) => command.deed(),
            Self::Attachment(command) => command.deed(),
            Self::Report(command) => command.deed(),
            Self::Return(command) => command.deed(),
            Self::Explain(_) => Deed::of("explain", Right::Read),
            Self::Change(command) => command.deed(),
            Self::Year(command) => command.deed(),
            Self::Quality(_) => Deed::of("quality", Right::Read),
            Self::Person(command) => command.deed(),
            Self::Demo(_) => Deed::of("demo", Right::Import).noted(),
            Self::Certificate(command) => command.deed(),
            Self::Receipt(command) => command.deed(),
            Self::Backup(_) => Deed::of("backup", Right::Operate).noted(),
            Self::Bundle(command) => command.deed(),
            Self::Restore(_) => Deed::of("restore", Right::Operate),
            Self::Repair(args) => args.deed(),
            Self::Refusal(command) => command.deed(),
            Self::Quarantine(command) => command.deed(),
            Self::User(command) => command.deed(),
            Self::Audit(command) => command.deed(),
        }
    }
}

/// What a local command works on.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The options.
    pub options: Options,
    /// Runs what waits.
    pub runtime: tokio::runtime::Handle,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
}

/// One of the two programs: its own commands beside the common ones.
pub trait Side: Live + Sized + 'static {
    /// All commands of the program.
    type Command: Subcommand + Clone + std::fmt::Debug + Send;
    /// The name of the binary.
    const NAME: &'static str;
    /// What the program is, in one line.
    const ABOUT: &'static str;
    /// Its role.
    const ROLE: Role;

    /// Where a command runs.
    fn place(command: &Self::Command) -> Place;

    /// What a command does, as the table of roles and the audit list name it.
    fn deed(command: &Self::Command) -> Deed;

    /// Opens what the program keeps beside the records.
    ///
    /// # Errors
    /// It cannot be read.
    fn open(app: &App) -> Result<Arc<Self>, Failure>;

    /// Runs a command that needs no store.
    ///
    /// # Errors
    /// The command failed.
    fn local(setting: &Setting, command: Self::Command, out: &mut Out) -> Result<(), Failure>;

    /// Runs a command on an opened store. Blocks.
    ///
    /// # Errors
    /// The command failed.
    fn run(
        self: &Arc<Self>,
        app: &App,
        command: Self::Command,
        out: &mut Out,
    ) -> Result<(), Failure>;
}

/// A command line: options and a command.
#[derive(Parser, Clone, Debug)]
#[command(version, disable_help_subcommand = true)]
pub struct Cli<C: Subcommand> {
    /// The options.
    #[command(flatten)]
    pub options: Options,
    /// The command.
    #[command(subcommand)]
    pub command: C,
}

impl<C: Subcommand> Cli<C> {
    /// Reads a command line.
    ///
    /// # Errors
    /// Wrong usage, or a call for help; the text is in the error.
    pub fn read(
        (name, about): (&'static str, &'static str),
        args: impl IntoIterator<Item = OsString>,
    ) -> Result<Self, clap::Error> {
        use clap::CommandFactory as _;
        let args = std::iter::once(OsString::from(name)).chain(args);
        let matches = Self::command()
            .name(name)
            .about(about)
            .bin_name(name)
            .try_get_matches_from(args)?;
        Self::from_arg_matches(&matches)
    }
}

impl<C: Subcommand> Cli<C> {
    /// As it was given elsewhere: the environment of this process says nothing of who gives it. What
    /// an older program asks for does not say who, beyond its arguments.
    pub(crate) fn given_by(mut self, account: &str, password_file: &str) -> Self {
        if !account.is_empty() {
            account.clone_into(&mut self.options.account);
            let file = (!password_file.is_empty()).then(|| PathBuf::from(password_file));
            self.options.password_file = file;
        }
        self
    }
}

/// Runs a program with the arguments of the process.
pub fn main<S: Side>() -> ExitCode {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let cli = match Cli::<S::Command>::read((S::NAME, S::ABOUT), args.clone()) {
        Ok(cli) => cli,
        Err(error) => return ExitCode::from(unread(&error, &args) as u8),
    };
    logging::start(&cli.options);
    let columns = output_columns();
    let unsaid = Arc::new(OnceLock::new());
    let mut out = Out::new(
        cli.options.json,
        cli.options.language(),
        columns,
        terminal(Arc::clone(&unsaid)),
    );
    let result = run_process::<S>(cli, args, &mut out);
    let result = result.and_then(|()| said(&unsaid));
    ExitCode::from(finish(result, &mut out))
}

/// Says why a command line cannot be read, or prints the help that was asked for.
fn unread(error: &clap::Error, args: &[OsString]) -> Exit {
    if !error.use_stderr() {
        // Nothing is left to be done when even the help cannot be printed.
        error.print().unwrap_or_default();
        return Exit::Done;
    }
    let unsaid = Arc::new(OnceLock::new());
    let asked = Asked::of(args);
    let mut out = Out::new(asked.json, asked.language, 0, terminal(unsaid));
    misused(error, &mut out);
    Exit::Usage
}

/// What a command line that cannot be read asks for all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Asked {
    json: bool,
    language: Language,
}

impl Asked {
    fn of(args: &[OsString]) -> Self {
        let words: Vec<&str> = args.iter().filter_map(|arg| arg.to_str()).collect();
        let next = words.iter().skip(1).map(Some).chain([None]);
        let named = |(word, next): (&&str, Option<&&str>)| match word.strip_prefix("--lang")? {
            "" => next.map(|next| (*next).to_owned()),
            value => value.strip_prefix('=').map(str::to_owned),
        };
        let language = match words.iter().zip(next).find_map(named).as_deref() {
            Some("en") => Language::En,
            Some("zh") => Language::Zh,
            _ => locale(),
        };
        Self {
            json: words.contains(&"--json"),
            language,
        }
    }
}

/// Says that a command line is not well formed, and in the words of its parser what is wrong.
pub(crate) fn misused(error: &clap::Error, out: &mut Out) {
    let detail = error.to_string();
    report(
        &Failure::new("USAGE-006", Exit::Usage).with("detail", &detail),
        out,
    );
    out.note(detail);
}

/// Whether all of the output was written, or whoever read it had enough.
fn said(unsaid: &OnceLock<io::Error>) -> Result<(), Failure> {
    match unsaid.get() {
        Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::new("OUTPUT-001", Exit::Failed).with("detail", error))
        }
        _ => Ok(()),
    }
}

/// Prints a failure. Returns the exit code.
fn finish(result: Result<(), Failure>, out: &mut Out) -> u8 {
    match result {
        Ok(()) => out.exit as u8,
        Err(failure) => {
            report(&failure, out);
            failure.exit as u8
        }
    }
}

/// Prints a failure for people, and with `--json` for machines, with its cause as it came.
pub(crate) fn report(failure: &Failure, out: &mut Out) {
    let text = failure.text(out.language);
    if out.json {
        let mut facts = failure.facts.iter();
        let detail = facts.find(|(name, _)| *name == "detail");
        let detail = detail.map(|(_, detail)| detail);
        let mut error =
            serde_json::json!({"code": failure.code, "message": text, "detail": detail});
        if !failure.findings.is_empty()
            && let Some(error) = error.as_object_mut()
        {
            let findings = records::findings_json(&failure.findings, out);
            error.insert("findings".to_owned(), findings);
        }
        out.document(&serde_json::json!({"error": error}));
    }
    out.note(format!("{}  {text}", failure.code));
}

fn run_process<S: Side>(
    cli: Cli<S::Command>,
    args: Vec<OsString>,
    out: &mut Out,
) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let folder = std::env::current_dir()?;
    let setting = Setting {
        options: cli.options.clone(),
        runtime: runtime.handle().clone(),
        folder,
    };
    let place = S::place(&cli.command);
    if place == Place::Local || (place == Place::Beside && cli.options.data.is_none()) {
        return S::local(&setting, cli.command, out);
    }
    let dir = cli.options.dir()?;
    if let Some(exit) = runtime.block_on(admin::forward(&dir, args, &setting, out))? {
        return exit;
    }
    if place == Place::Beside {
        return S::local(&setting, cli.command, out);
    }
    let (app, writer) = App::open(&dir, setting.runtime.clone())?;
    app.store_key.say_if_new(out);
    let result = run_on::<S>(&app, &setting, cli, out);
    let is_due = rewrite::due(&app).is_some();
    drop(app);
    let stopped = writer.stop();
    result.and_then(|()| stopped.map_err(Failure::from))?;
    // What was erased goes from the files at once, where no program serves.
    match is_due {
        true => rewrite::finish(&dir),
        false => Ok(()),
    }
}

/// Runs a command on an app that was opened in this process.
fn run_on<S: Side>(
    app: &App,
    setting: &Setting,
    cli: Cli<S::Command>,
    out: &mut Out,
) -> Result<(), Failure> {
    let side = S::open(app)?;
    run_as::<S>(app, &side, cli, setting.folder.clone(), out)
}

/// Runs a command as whoever gave it.
pub(crate) fn run_as<S: Side>(
    app: &App,
    side: &Arc<S>,
    cli: Cli<S::Command>,
    folder: PathBuf,
    out: &mut Out,
) -> Result<(), Failure> {
    if app.identity.role != S::ROLE {
        return Err(Failure::new("DIR-004", Exit::Usage));
    }
    let today = cli.options.today()?;
    if today.is_some() && !app.identity.demo {
        return Err(Failure::new("USAGE-003", Exit::Usage));
    }
    check_account(&cli.options.account)?;
    let app = App {
        account: cli.options.account,
        today,
        folder,
        ..app.clone()
    };
    let (deed, password) = (S::deed(&cli.command), cli.options.password_file.as_deref());
    gate::carry_out(app, password, &deed, |app| side.run(app, cli.command, out))
}

/// An account is a name, not a sentence: it stands in every write.
pub(crate) fn check_account(account: &str) -> Result<(), Failure> {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-');
    if account.is_empty() || account.chars().count() > 64 || !account.chars().all(plain) {
        return Err(Failure::new("USAGE-004", Exit::Usage));
    }
    Ok(())
}

/// Columns of the terminal; 0 when stdout is none, so that tables are not cut for a file.
fn output_columns() -> u16 {
    use io::IsTerminal as _;
    if !io::stdout().is_terminal() {
        return 0;
    }
    std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(120)
}

/// The sink of a process: stdout, stderr, and a progress bar on a terminal. After the first part of
/// the output that cannot be written none is tried: what the command does goes on.
fn terminal(unsaid: Arc<OnceLock<io::Error>>) -> impl FnMut(Part) + Send + 'static {
    use io::{IsTerminal as _, Write as _};
    let shows = io::stderr().is_terminal();
    let mut bar: Option<indicatif::ProgressBar> = None;
    move |part| match part {
        Part::Stdout(text) if unsaid.get().is_none() => {
            let mut stdout = io::stdout().lock();
            let written = stdout.write_all(text.as_bytes());
            if let Err(error) = written.and_then(|()| stdout.flush()) {
                unsaid.get_or_init(|| error);
            }
        }
        Part::Stdout(_) => {}
        // Where nobody can be told, as on a full disk, the exit code still says it.
        Part::Stderr(text) => io::stderr().write_all(text.as_bytes()).unwrap_or_default(),
        Part::Progress { done, total, what } => {
            if shows {
                let bar = bar.get_or_insert_with(|| indicatif::ProgressBar::new(total));
                bar.set_length(total);
                bar.set_message(what);
                bar.set_position(done);
                if done >= total {
                    bar.finish_and_clear();
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: &[&str]) -> Asked {
        Asked::of(&args.iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_line_that_cannot_be_read_is_answered_in_the_language_it_asks_for() {
        for args in [
            &["status", "--lang", "en", "--x"][..],
            &["--lang=en", "--x"],
        ] {
            assert_eq!(asked(args).language, Language::En);
        }
        assert_eq!(asked(&["--x", "--lang", "zh"]).language, Language::Zh);
        assert_eq!(asked(&["--x", "--lang"]).language, locale());
        assert!(asked(&["--json", "--x"]).json && !asked(&["--x"]).json);
    }
}
