//! `import`: reads a spreadsheet into records.

use std::path::PathBuf;

use clap::Args;
use domain::permission::Right;

use crate::{
    accounts::Deed,
    app::App,
    failure::{Exit, Failure},
    import::{self, ID, Mode, Notice, Report, Request},
    output::Out,
    records::kind_of,
};

/// Warnings that are printed one by one for people; more are only counted.
const WARNINGS_SHOWN: usize = 50;

/// What to import.
#[derive(Args, Clone, Debug)]
pub struct ImportArgs {
    /// The kind of the records, as `organisation`
    pub kind: String,
    /// The spreadsheet: xlsx, xls, csv or tsv
    pub file: PathBuf,
    /// Say what would be done, and write nothing
    #[arg(long)]
    pub dry_run: bool,
    /// The sheet to read (default: the one with the most known columns)
    #[arg(long, value_name = "NAME")]
    pub sheet: Option<String>,
    /// The date of figures that have none in their row
    #[arg(long, value_name = "DATE")]
    pub as_of: Option<String>,
}

impl ImportArgs {
    /// What it does.
    #[must_use]
    pub fn deed(&self) -> Deed {
        let deed = Deed::of("import", Right::Import).about(&[&self.kind]);
        if self.dry_run { deed } else { deed.noted() }
    }
}

/// Runs the command.
///
/// # Errors
/// Nothing could be read (exit code 6), or the store failed.
pub fn run(app: &App, args: &ImportArgs, out: &mut Out) -> Result<(), Failure> {
    let kind = kind_of(app, &args.kind)?;
    let as_of = args.as_of.as_ref().map(|text| {
        let wrong = || Failure::new("USAGE-002", Exit::Usage).with("date", text);
        domain::date::read(text).ok_or_else(wrong)
    });
    let path = app.path(&args.file);
    let file = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let request = Request {
        kind,
        sheet: args.sheet.clone(),
        as_of: as_of.transpose()?,
        mode: if args.dry_run { Mode::Try } else { Mode::Write },
        reason: format!("{} {file}", out.say("导入", "import")),
        path,
    };
    let what = out.say("导入", "import").to_owned();
    let report = import::import(app, &request, &mut |done, total| {
        out.progress(done, total, &what);
    })?;
    if out.json {
        let mut document = report.json(out.language);
        if let Some(map) = document.as_object_mut() {
            map.insert("dry_run".to_owned(), args.dry_run.into());
        }
        out.document(&document);
    } else {
        print(&request, &report, out);
    }
    Ok(())
}

/// A table of the rejected rows, the numbers, and the warnings beside them.
fn print(request: &Request, report: &Report, out: &mut Out) {
    if !report.rejected.is_empty() {
        let zh = ["行", "栏目", "代码", "原因"];
        let en = ["Line", "Field", "Code", "Reason"];
        let headings = match out.language {
            domain::label::Language::Zh => zh,
            domain::label::Language::En => en,
        };
        let rows: Vec<Vec<String>> = report
            .rejected
            .iter()
            .map(|notice| table_row(request, notice, out))
            .collect();
        out.table(&headings, &rows);
    }
    let (rows, rejected) = (report.rows(), report.rejected.len());
    let Report {
        created,
        changed,
        unchanged,
        ..
    } = report;
    let zh = format!(
        "共读入 {rows} 行：新建 {created}，更改 {changed}，未变 {unchanged}，退回 {rejected}。"
    );
    let en = format!(
        "{rows} rows read: {created} created, {changed} changed, {unchanged} unchanged, \
         {rejected} rejected."
    );
    let numbers = out.say(&zh, &en).to_owned();
    out.line(numbers);
    if request.mode == Mode::Try {
        let text = out.say(
            "这是试运行，没有写入任何数据。",
            "This was a dry run; nothing was written.",
        );
        out.note(text);
    } else if rejected > 0 {
        let zh = "退回的行没有写入，其余已保存。改正后把同一个文件再导入一次，已保存的行不会重复。";
        let en = "Rejected rows were not written, the rest is saved. Correct them and import the \
                  same file again; what is saved is not made twice.";
        let text = out.say(zh, en).to_owned();
        out.note(text);
    }
    for notice in report.warnings.iter().take(WARNINGS_SHOWN) {
        let text = warning(request, notice, out);
        out.note(text);
    }
    let more = report.warnings.len().saturating_sub(WARNINGS_SHOWN);
    if more > 0 {
        let zh = format!("另有 {more} 条提示，加 --json 查看全部。");
        let en = format!("{more} more warnings; see all with --json.");
        let text = out.say(&zh, &en).to_owned();
        out.note(text);
    }
}

fn table_row(request: &Request, notice: &Notice, out: &Out) -> Vec<String> {
    vec![
        notice.row.map(|row| row.to_string()).unwrap_or_default(),
        label(request, notice, out),
        notice.why.code.clone(),
        notice.why.text(out.language),
    ]
}

fn warning(request: &Request, notice: &Notice, out: &Out) -> String {
    let place = notice.row.map(|row| match out.language {
        domain::label::Language::Zh => format!("第 {row} 行 "),
        domain::label::Language::En => format!("line {row} "),
    });
    let label = label(request, notice, out);
    let place = place.unwrap_or_default();
    let mark = if place.is_empty() && label.is_empty() {
        ""
    } else {
        "  "
    };
    format!(
        "{}  {place}{label}{mark}{}",
        notice.why.code,
        notice.why.text(out.language)
    )
}

/// What people call the field of a notice.
fn label(request: &Request, notice: &Notice, out: &Out) -> String {
    let Some(id) = notice.field.as_deref() else {
        return String::new();
    };
    match request.kind.field(id) {
        Some(field) => out.say(&field.zh, &field.en).to_owned(),
        None if id == ID => out.say("记录编号", "record id").to_owned(),
        None => id.to_owned(),
    }
}
