//! `report …`: figures.

use clap::Subcommand;

use crate::{app::App, failure::Failure, output::Out, report};

/// `report …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ReportCommand {
    /// The indicators of the scopes and of the city
    Indicators {
        /// Only of this scope
        #[arg(long)]
        scope: Option<String>,
        /// The day (default: today)
        #[arg(long, value_name = "DATE")]
        as_of: Option<String>,
        /// The programme year (default: that of the day)
        #[arg(long)]
        year: Option<u32>,
    },
}

/// Runs `report …`.
///
/// # Errors
/// The command failed.
pub fn run(app: &App, command: ReportCommand, out: &mut Out) -> Result<(), Failure> {
    match command {
        ReportCommand::Indicators { scope, as_of, year } => {
            let report = report::indicators(app, &report::Request { scope, as_of, year })?;
            if out.json {
                out.document(&report.json());
            } else {
                report.table(out);
            }
            Ok(())
        }
    }
}
