//! `kiosk`: the checkpoint's side of Gatepass.
#![expect(unreachable_pub, reason = "in a program `pub` means: used by other modules")]

mod accounts;
mod avif;
mod camera;
mod cli;
mod clock;
mod commands;
mod decide;
#[cfg(feature = "evaluate")]
mod evaluate;
mod events;
mod gate;
mod models;
mod operator;
mod process;
mod runtime;
mod scanner;
#[cfg(feature = "screen")]
mod screen;
mod secret;
mod self_test;
mod session;
mod settings;
mod site;
mod state;
mod trust_source;
mod ui;
mod watch;
mod wiping;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, Config, Models, Trust};

/// Frames, templates and claims are wiped when they are dropped, whoever made them.
#[global_allocator]
static MEMORY: wiping::Wiping = wiping::Wiping;

fn main() -> ExitCode {
    if let Err(error) = process::keep_to_itself() {
        notice(&format!("error: core dumps cannot be switched off: {error}"));
        return ExitCode::from(2);
    }
    let cli = Cli::parse();
    let result = match &cli.command {
        Command::Scan { images } => commands::scan::run(images),
        Command::Verify(arguments) => commands::verify::run(arguments, cli.json),
        Command::Compare(arguments) => commands::compare::run(arguments, cli.json),
        Command::Trust(Trust::Import(arguments)) => commands::trust::import(arguments, cli.json),
        Command::Trust(Trust::Status { place }) => commands::trust::status(place, cli.json),
        Command::Key { place } => commands::key::run(place, cli.json),
        Command::Journal(what) => commands::journal::run(what, cli.json),
        Command::Accounts(what) => commands::accounts::run(what, cli.json),
        Command::Challenge(arguments) => commands::challenge::run(arguments, cli.json),
        Command::Models(Models::List { models }) => commands::models::list(models.folder(), cli.json),
        Command::Models(Models::Install { from, to }) => {
            commands::models::install(from.as_deref(), to.as_deref(), cli.json)
        }
        #[cfg(feature = "evaluate")]
        Command::Evaluate(arguments) => commands::evaluate::run(arguments, cli.json),
        Command::DecodeAvif => avif::run(),
        Command::Osdp => gate::run_osdp(),
        Command::Gate(what) => commands::gate::run(what, cli.json),
        Command::Clock(arguments) => commands::clock::run(arguments, cli.json),
        Command::Cameras(arguments) => commands::cameras::run(arguments, cli.json),
        Command::Scanner { scanner, codes, patience } => commands::scanner::run(scanner, *codes, *patience),
        Command::Config(Config::Check { file }) => commands::config::check(file, cli.json),
        Command::Provision(arguments) => commands::provision::run(arguments, cli.json),
        Command::Doctor(arguments) => commands::doctor::run(arguments, cli.json),
        Command::Operator(what) => commands::operator::run(what, cli.json),
        Command::Metrics { at } => commands::metrics::run(*at, cli.json),
        Command::Run(arguments) => commands::run::run(arguments),
        #[cfg(feature = "screen")]
        Command::Screen(arguments) => commands::screen::run(arguments),
        #[cfg(feature = "demo")]
        Command::Demo(arguments) => commands::demo::run(arguments),
    };
    result.unwrap_or_else(|error| {
        if error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
        {
            return ExitCode::SUCCESS;
        }
        notice(&format!("error: {error:#}"));
        ExitCode::from(2)
    })
}

/// Says something to the person at the terminal, on standard error.
fn notice(message: &str) {
    // Nobody is left to tell if standard error is gone.
    let _ = writeln!(std::io::stderr(), "{message}");
}
