//! The bodies of the benchmarks.

mod figures;
mod large;
mod limits;
mod memory;
mod raw;
mod runs;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use program::dir::Role;
use serde_json::{Value, json};

/// What may be chosen.
#[derive(Parser, Clone, Debug)]
#[command(about = "What the federation does a second, beside the raw limits of the same run")]
pub struct Options {
    /// Organisations in the large runs
    #[arg(long, default_value_t = 100_000)]
    pub records: u64,
    /// Runs of each; the median is printed
    #[arg(long, default_value_t = 3)]
    pub repeat: usize,
    /// Only the measures whose name contains this
    #[arg(long, default_value = "")]
    pub only: String,
    /// Organisations of each of the 19 scopes in the demo, with `--only demo`
    #[arg(long, default_value_t = 3_000)]
    pub organisations: u32,
    /// Write the figures there as JSON
    #[arg(long)]
    pub json: Option<PathBuf>,
    /// Where the stores of the run lie (default: a temporary directory)
    #[arg(long)]
    pub folder: Option<PathBuf>,
    /// Used by the benchmark itself: open a store, print its memory, and wait
    #[arg(long, hide = true)]
    pub open: Option<PathBuf>,
    /// Used by the benchmark itself: the store to open is a hub's own
    #[arg(long, hide = true)]
    pub hub: bool,
}

/// One measured figure.
#[derive(Clone, Debug)]
pub struct Figure {
    /// What was measured.
    pub name: String,
    /// All runs.
    pub values: Vec<f64>,
    /// The unit.
    pub unit: &'static str,
}

impl Figure {
    fn median(&self) -> f64 {
        let mut sorted = self.values.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

/// What a run collects.
#[derive(Debug, Default)]
pub struct Report {
    figures: Vec<Figure>,
}

impl Report {
    /// Adds one run of a measure.
    pub fn add(&mut self, name: &str, value: f64, unit: &'static str) {
        match self.figures.iter_mut().find(|figure| figure.name == name) {
            Some(figure) => figure.values.push(value),
            None => {
                let values = vec![value];
                self.figures.push(Figure {
                    name: name.to_owned(),
                    values,
                    unit,
                });
            }
        }
        say(&format!("  {name}: {value:.1} {unit}"));
    }

    fn ratio(&mut self, name: &str, of: &str, to: &str) {
        let find = |name: &str| self.figures.iter().find(|figure| figure.name == name);
        let (Some(of), Some(to)) = (find(of), find(to)) else {
            return;
        };
        let value = of.median() / to.median();
        self.figures.push(Figure {
            name: name.to_owned(),
            values: vec![value],
            unit: "x",
        });
    }

    fn json(&self) -> Value {
        let figure = |f: &Figure| json!({"name": f.name, "median": f.median(), "runs": f.values, "unit": f.unit});
        Value::Array(self.figures.iter().map(figure).collect())
    }

    fn table(&self) -> String {
        let mut table = String::from(
            "| measure | median | min | max | unit |\n| --- | ---: | ---: | ---: | --- |\n",
        );
        for figure in &self.figures {
            let min = figure.values.iter().copied().fold(f64::INFINITY, f64::min);
            let max = figure
                .values
                .iter()
                .copied()
                .fold(f64::NEG_INFINITY, f64::max);
            let digits = if figure.median() < 100.0 { 2 } else { 0 };
            table.push_str(
                &format_args!(
                    "| {} | {:.digits$} | {min:.digits$} | {max:.digits$} | {} |\n",
                    figure.name,
                    figure.median(),
                    figure.unit
                )
                .to_string(),
            );
        }
        table
    }
}

/// Prints for the person who runs the benchmark.
#[expect(clippy::print_stdout, reason = "the benchmark's own output")]
pub(crate) fn say(text: &str) {
    println!("{text}");
}

/// Runs the benchmarks.
///
/// # Panics
/// When the machine gives no runtime or no temporary directory.
#[must_use]
pub fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(path) = &options.open {
        let role = if options.hub { Role::Hub } else { Role::Node };
        return memory::child(path, role);
    }
    let folder = tempfile::tempdir().expect("a temporary directory");
    let root = options
        .folder
        .clone()
        .unwrap_or_else(|| folder.path().to_owned());
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut report = Report::default();
    for round in 0..options.repeat {
        say(&format!("run {} of {}", round + 1, options.repeat));
        let folder = root.join(format!("run-{round}"));
        runtime.block_on(runs::all(&options, &folder, &mut report));
        if let Err(error) = std::fs::remove_dir_all(&folder) {
            say(&format!(
                "the stores of the run stay in {}: {error}",
                folder.display()
            ));
        }
    }
    runs::ratios(&mut report);
    say(&report.table());
    if let Some(path) = &options.json {
        std::fs::write(path, report.json().to_string()).expect("the figures are written");
    }
    runtime.shutdown_timeout(Duration::from_secs(5));
    let missed = if options.only == "demo" {
        limits::missed(&report)
    } else {
        Vec::new()
    };
    missed
        .iter()
        .for_each(|line| say(&format!("missed: {line}")));
    if missed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
