//! `export`: writes the records of a kind to a file.

use std::path::PathBuf;

use clap::Args;
use domain::permission::Right;

use crate::{
    accounts::Deed,
    app::App,
    commands::Reveal,
    export::{self, Format, Request},
    failure::Failure,
    output::Out,
    records::{kind_of, scope_named},
};

/// What to export.
#[derive(Args, Clone, Debug)]
pub struct ExportArgs {
    /// The kind of the records, as `organisation`
    pub kind: String,
    /// The form of the file
    #[arg(long, value_enum)]
    pub format: Format,
    /// The file
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// The scope of the records (default: all that are here)
    #[arg(long, value_name = "SCOPE")]
    pub scope: Option<String>,
    /// In full
    #[command(flatten)]
    pub reveal: Reveal,
}

impl ExportArgs {
    /// What it does.
    #[must_use]
    pub fn deed(&self) -> Deed {
        let about = [self.kind.as_str(), self.scope.as_deref().unwrap_or("*")];
        let deed = Deed::of("export", Right::Export).about(&about);
        let deed = self.reveal.of(deed);
        // What is shown in full is noted before; what is not, when it was done.
        if deed.reveals { deed } else { deed.noted() }
    }
}

/// Runs the command.
///
/// # Errors
/// The kind or the scope is not known, the file cannot be written, or the store cannot be read.
pub fn run(app: &App, args: &ExportArgs, out: &mut Out) -> Result<(), Failure> {
    let named = args.scope.as_ref();
    let scope = named.map(|named| scope_named(app, named, out));
    let request = Request {
        kind: kind_of(app, &args.kind)?,
        format: args.format,
        path: app.path(&args.output),
        scope: scope.transpose()?,
        language: out.language,
    };
    let what = out.say("导出", "export").to_owned();
    let exported = export::export(app, &request, &mut |done, total| {
        out.progress(done, total, &what);
    })?;
    let path = request.path.display().to_string();
    if out.json {
        out.document(&serde_json::json!({
            "rows": exported.rows,
            "conflicts": exported.conflicts,
            "suppressed": exported.suppressed,
            "output": path,
        }));
        return Ok(());
    }
    let zh = format!("已导出 {} 条记录到 {path}。", exported.rows);
    let en = format!("{} records exported to {path}.", exported.rows);
    let text = out.say(&zh, &en).to_owned();
    out.line(text);
    if exported.conflicts > 0 {
        let zh = format!(
            "其中 {} 条有待处理的冲突，表中是暂时显示的值。",
            exported.conflicts
        );
        let en = format!(
            "{} of them have open conflicts; the file has the values shown meanwhile.",
            exported.conflicts
        );
        let text = out.say(&zh, &en).to_owned();
        out.note(text);
    }
    if exported.suppressed > 0 {
        let zh = format!(
            "其他辖区记录中有 {} 处党员数低于小数抑制线，记作“<”；确需数字的请用 --reveal 并说明理由。",
            exported.suppressed
        );
        let en = format!(
            "{} small numbers of members in records of other scopes stand as \"<\"; with --reveal and a reason they are written.",
            exported.suppressed
        );
        let text = out.say(&zh, &en).to_owned();
        out.note(text);
    }
    Ok(())
}
