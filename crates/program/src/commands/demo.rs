//! `demo …`: fictional data in a store for demonstration.

use clap::{Args, Subcommand, ValueEnum};
use domain::demo::{Demo, SEED, Size};

use crate::{
    app::App,
    demo::{self, Filled},
    failure::{Exit, Failure},
    output::Out,
};

/// `demo …`.
#[derive(Subcommand, Clone, Debug)]
pub enum DemoCommand {
    /// Fill a store for demonstration with what its owner would have entered; repeat it when more
    /// has come
    Fill(FillArgs),
}

/// `demo fill`.
#[derive(Args, Clone, Debug)]
pub struct FillArgs {
    /// How much
    #[arg(long, value_enum, default_value_t = DemoSize::Default)]
    pub size: DemoSize,
    /// Another seed makes another city; all programs of one city take the same
    #[arg(long, default_value = SEED)]
    pub seed: String,
}

/// How much a demo has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DemoSize {
    /// 3 scopes with 40 organisations each
    Small,
    /// 19 scopes with 300 organisations each
    Default,
    /// 19 scopes with 3,000 organisations each
    Large,
}

impl From<DemoSize> for Size {
    fn from(size: DemoSize) -> Self {
        match size {
            DemoSize::Small => Self::SMALL,
            DemoSize::Default => Self::DEFAULT,
            DemoSize::Large => Self::LARGE,
        }
    }
}

/// Runs `demo …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: &DemoCommand, out: &mut Out) -> Result<(), Failure> {
    let DemoCommand::Fill(args) = command;
    let mut demo = Demo::new(&args.seed, args.size.into(), Demo::default().today);
    if let Some(today) = app.today {
        demo.today = today;
    }
    let what = out.say("演示数据", "demo").to_owned();
    let filled = demo::fill(app, &demo, &mut |done, total| {
        out.progress(done, total, &what);
    })?;
    if filled.refused > 0 {
        out.exit = Exit::Invalid;
    }
    if out.json {
        let document = filled.json(out);
        out.document(&document);
    } else {
        told(&filled, out);
    }
    demo::banner(app, out);
    Ok(())
}

fn told(filled: &Filled, out: &mut Out) {
    let Filled {
        created,
        changed,
        kept,
        waiting,
        missing,
        refused,
        ..
    } = filled;
    let zh = format!("新建 {created} 条，办理 {changed} 步，已有 {kept} 条未动。");
    let en = format!("{created} records made, {changed} steps taken, {kept} left as they were.");
    let text = out.say(&zh, &en).to_owned();
    out.line(text);
    if !waiting.is_empty() || *missing > 0 {
        let scopes = waiting.join(" ");
        let zh = format!(
            "市级的后续办理还有 {missing} 项等待县区数据，尚未收到数据的辖区：{scopes}。同步后再执行一次。"
        );
        let en = format!(
            "{missing} answers of the city wait for what the districts send; nothing has come of: {scopes}. Run it again after a sync."
        );
        let text = out.say(&zh, &en).to_owned();
        out.note(text);
    }
    if *refused > 0 {
        let zh = format!("退回 {refused} 条：");
        let en = format!("{refused} refused:");
        let text = out.say(&zh, &en).to_owned();
        out.note(text);
        for (record, failure) in &filled.refusals {
            out.note(format!(
                "{record} {}  {}",
                failure.code,
                failure.text(out.language)
            ));
        }
    }
}
