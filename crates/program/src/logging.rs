//! Log lines go to stderr, structured; how much is told by `LIANGXIN_LOG`.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

use crate::{
    cli::Options,
    config::{Config, LogFormat},
};

/// Starts logging. Commands say nothing below a warning unless asked.
pub(crate) fn start(options: &Options) {
    let filter = EnvFilter::try_from_env("LIANGXIN_LOG")
        .unwrap_or_else(|_unset| EnvFilter::new("warn,liangxin=info"));
    let config = options
        .dir()
        .ok()
        .and_then(|dir| Config::load(&dir.config()).ok());
    let format = config
        .map(|config| config.serve.log_format)
        .unwrap_or(LogFormat::Text);
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // A line that cannot be written is dropped. Complaining of it on stderr, which lies on the
        // same full disk, is a panic in whichever thread was logging: the engine's own, which then
        // told nobody that it had failed, and the writer waited for it for ever.
        .log_internal_errors(false)
        // Colours are for eyes: in a file or a pipe they are noise.
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second start in one process, as in tests, keeps the first.
    match format {
        LogFormat::Text => lines.try_init().unwrap_or_default(),
        LogFormat::Json => lines.json().try_init().unwrap_or_default(),
    }
}
