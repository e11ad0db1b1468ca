//! `kiosk clock`: whether this machine's clock can be believed.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use serde_json::json;
use shared::time::Timestamp;
use shared::trust::TimeFloor;

use super::{answer, state_folder};
use crate::cli;
use crate::clock::{Clock, ClockState, Kernel, Reading};
use crate::settings::Settings;
use crate::state::State;

/// Prints what the clock is worth. Exit status: 0 sure, 1 unsure or tampered with.
pub fn run(arguments: &cli::Clock, as_json: bool) -> Result<ExitCode> {
    let settings = Settings::read(arguments.config.as_deref())?;
    let reading = Reading::take();
    let folder = state_folder(arguments.state.as_deref().or(settings.state.as_deref()))?;
    let floor = match folder.is_dir().then(|| State::open(&folder)).transpose()? {
        Some(state) if state.root()?.is_some() => Some(state.trust(reading.time())?.issued()),
        _ => None,
    };
    let start = floor.unwrap_or(Timestamp::from_unix(0).expect("1970 is in range"));
    let state = Clock::new(&settings.clock).judge(&reading, TimeFloor::from_signed(start));
    let seconds = |duration: Duration| (duration.as_secs_f64() * 1e3).round() / 1e3;
    let (max_error, vouched) = (settings.clock.max_error_seconds, settings.clock.vouched_error_seconds);
    let json = json!({
        "state": state.name(), "time": reading.time(), "floor": floor,
        "synchronized": reading.kernel.map(|kernel| kernel.synchronized),
        "kernel_max_error_seconds": reading.kernel.map(|kernel| seconds(kernel.max_error)),
        "max_error_seconds": max_error, "vouched_error_seconds": vouched,
        "since_boot_seconds": seconds(reading.boot),
    });
    let kernel = match reading.kernel {
        None => "the kernel does not say (a service needs the system call adjtimex)".to_owned(),
        Some(Kernel { synchronized: true, max_error }) => {
            format!("set by a time server, wrong by {} s at most", seconds(max_error))
        }
        Some(_) => "no time server sets it".to_owned(),
    };
    let vouched = vouched.map_or("nobody".to_owned(), |seconds| format!("for {seconds} s at most"));
    let floor = floor.map_or("none: not provisioned".to_owned(), |floor| floor.to_string());
    let text = format!(
        "clock        {}\n  time       {}\n  kernel     {kernel}\n  vouched    {vouched}\n  tolerance  {max_error} s\n  \
         signed     {floor}",
        state.name(),
        reading.time(),
    );
    answer(as_json, &json, &text)?;
    Ok(if state == ClockState::Sure { ExitCode::SUCCESS } else { ExitCode::from(1) })
}
