//! `kiosk key`: what an agency encrypts to, so that this kiosk and no other reads it.

use std::process::ExitCode;

use anyhow::Result;
use serde_json::json;

use super::{answer, state_folder};
use crate::cli::Place;
use crate::state::State;

pub fn run(place: &Place, as_json: bool) -> Result<ExitCode> {
    let key = State::open(&state_folder(place.state.as_deref())?)?.machine_key()?;
    let public = key.public_key().map(|key| key.to_string());
    let text = public.clone().unwrap_or_default();
    answer(as_json, &json!({ "key": public, "id": key.id().to_string() }), &text)?;
    Ok(ExitCode::SUCCESS)
}
