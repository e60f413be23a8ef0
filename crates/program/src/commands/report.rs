//! `report …`: figures.

use clap::Subcommand;

use domain::permission::Right;

use super::table::{self, TableCommand};
use crate::{
    accounts::Deed,
    app::{App, Live},
    failure::Failure,
    output::Out,
    report,
};

/// `report …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ReportCommand {
    /// Which reports there are
    List,
    /// One of the reports
    #[command(flatten)]
    Table(TableCommand),
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
        /// Split the figures of organisations by what they are as well
        #[arg(long, value_enum)]
        by: Option<report::By>,
    },
}

impl ReportCommand {
    /// What it does, as the table of roles and the audit list name it: a file leaves the house.
    #[must_use]
    pub fn deed(&self) -> Deed {
        match self {
            Self::Table(command) if command.args().output.is_some() => {
                Deed::of("report", Right::Export).noted()
            }
            Self::List | Self::Table(_) | Self::Indicators { .. } => {
                Deed::of("report", Right::Read)
            }
        }
    }
}

/// `explain …`.
#[derive(Subcommand, Clone, Debug)]
pub enum ExplainCommand {
    /// The records behind an indicator: those that count, and those that are missing
    Indicator {
        /// Its name, as `org_coverage_rate`
        name: String,
        /// Of this scope (default: the city at the hub, its own scope at a node)
        #[arg(long)]
        scope: Option<String>,
        /// The day (default: today)
        #[arg(long, value_name = "DATE")]
        as_of: Option<String>,
        /// The programme year (default: that of the day)
        #[arg(long)]
        year: Option<u32>,
        /// Lines of each list that are shown; the document has all
        #[arg(long, default_value_t = 50)]
        limit: usize,
    },
}

/// Runs `report …`.
///
/// # Errors
/// The command failed.
pub fn run<L: Live>(
    app: &App,
    live: &L,
    command: ReportCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    match command {
        ReportCommand::List => {
            table::list(out);
            Ok(())
        }
        ReportCommand::Table(command) => table::run(app, live, command, out),
        ReportCommand::Indicators {
            scope,
            as_of,
            year,
            by,
        } => {
            let request = report::Request {
                scope,
                as_of,
                year,
                by,
            };
            let report = report::indicators(app, &request)?;
            if out.json {
                out.document(&report.json());
            } else {
                report.table(out);
                crate::demo::banner(app, out);
            }
            Ok(())
        }
    }
}

/// Runs `explain …`.
///
/// # Errors
/// The command failed.
pub fn explain<L: Live>(
    app: &App,
    live: &L,
    command: ExplainCommand,
    out: &mut Out,
) -> Result<(), Failure> {
    let ExplainCommand::Indicator {
        name,
        scope,
        as_of,
        year,
        limit,
    } = command;
    let request = report::Request {
        scope,
        as_of,
        year,
        by: None,
    };
    let traced = report::trace(app, live, &name, &request, out.language)?;
    if out.json {
        out.document(&traced.json());
    } else {
        traced.print(limit, out);
    }
    Ok(())
}
