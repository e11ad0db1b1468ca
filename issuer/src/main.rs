//! `issuer`: the agency's side of Gatepass.
#![expect(unreachable_pub, reason = "in a program `pub` means: used by other modules")]

mod cli;
mod commands;
mod folder_lock;
mod issuer_keys;
mod keys;
mod kiosks;
mod ml_dsa;
mod national;
mod office;
mod output;
mod photo;
mod policies;
mod published;
mod registry;
mod roots;
mod seal;
mod sectors;
mod status_index;
mod top_level;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::{Cli, Command, Holder, Key};
use crate::commands::{
    enroll, holder, init, inspect, issue, key, kiosk, provision, publish, revoke, sector, trust,
};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let answer = match &cli.command {
        Command::Init(arguments) => init::run(arguments),
        Command::Enroll(arguments) => enroll::run(arguments),
        Command::Issue(arguments) => issue::run(arguments),
        Command::Revoke(arguments) => revoke::revoke(arguments),
        Command::Suspend(arguments) => revoke::suspend(arguments),
        Command::Reinstate(arguments) => revoke::reinstate(arguments),
        Command::Publish(arguments) => publish::run(arguments),
        Command::Trust(verb) => trust::run(verb),
        Command::Sector(verb) => sector::run(verb),
        Command::Kiosk(verb) => kiosk::run(verb),
        Command::Key(Key::List(arguments)) => key::list(arguments),
        Command::Key(Key::Rotate(arguments)) => key::rotate(arguments),
        Command::Key(Key::Revoke(arguments)) => key::revoke(arguments),
        Command::Provision(arguments) => provision::run(arguments),
        Command::Holder(Holder::Keygen { out }) => holder::keygen(out),
        Command::Holder(Holder::Present(arguments)) => holder::present(arguments),
        Command::Inspect(arguments) => inspect::run(arguments),
    };
    match answer.and_then(|answer| Ok(answer.print(cli.json)?)) {
        Ok(code) => code,
        Err(error) if broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            commands::note(&format!("error: {error:#}"));
            ExitCode::from(2)
        }
    }
}

fn broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
}
