//! The enrolment photograph: from a file to a template, or to what the clerk should ask for.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use shared::face::{FaceEngine, FaceError, ModelSource, QualityIssue, QualityLimits, decode};
use shared::template::Template;

/// Why a photograph cannot be enrolled.
pub enum Refusal {
    /// It is not a picture.
    Unreadable,
    /// It shows no face that can be enrolled.
    Face(FaceError),
}

/// Makes the template of a photograph. The outer error is ours, the inner one the photograph's.
pub fn template(photo: &[u8], models: Option<&Path>) -> Result<Result<Template, Refusal>> {
    let engine = load(models)?;
    let Ok(picture) = decode(photo) else { return Ok(Err(Refusal::Unreadable)) };
    match engine.enrol(&picture) {
        Ok(template) => Ok(Ok(template)),
        Err(error @ (FaceError::Model(_) | FaceError::OtherAlgorithm { .. })) => Err(error.into()),
        Err(error) => Ok(Err(Refusal::Face(error))),
    }
}

/// Returns a stable code, and the sentence that tells a clerk what to do about it.
pub fn explain(refusal: &Refusal) -> (&'static str, String) {
    let error = match refusal {
        Refusal::Unreadable => {
            return ("photo.unreadable", "the photo is not a JPEG or PNG picture".to_owned());
        }
        Refusal::Face(error) => error,
    };
    match error {
        FaceError::NoFace => ("photo.no_face", "there is no face in the photo".to_owned()),
        FaceError::SeveralFaces { count } => (
            "photo.several_faces",
            format!("there are {count} faces in the photo; it must show the resident alone"),
        ),
        FaceError::Quality { quality, issues } => match issues.first() {
            Some(QualityIssue::TooSmall) => (
                "photo.face_too_small",
                format!(
                    "the face is too small: {:.0} pixels between the eyes, at least {:.0} are needed; come closer or use a larger photo",
                    quality.eye_distance,
                    QualityLimits::ENROLMENT.eye_distance
                ),
            ),
            Some(QualityIssue::TurnedAway) => (
                "photo.turned_away",
                format!(
                    "the face is turned or tilted away (about {:.0}° to the side, {:.0}° to a shoulder); hold the camera upright and look straight at it",
                    quality.yaw.abs(),
                    quality.roll.abs()
                ),
            ),
            Some(QualityIssue::Blurred) => {
                ("photo.blurred", "the face is blurred; hold still and focus".to_owned())
            }
            Some(QualityIssue::TooDark) => ("photo.too_dark", "the face is too dark; add light".to_owned()),
            Some(QualityIssue::TooBright) => {
                ("photo.too_bright", "the face is too bright; use softer light".to_owned())
            }
            Some(QualityIssue::Covered) => (
                "photo.covered",
                "the eyes or the mouth are covered; take off glasses that are dark, masks and hats"
                    .to_owned(),
            ),
            _ => ("photo.quality", error.to_string()),
        },
        _ => ("photo.quality", error.to_string()),
    }
}

fn load(option: Option<&Path>) -> Result<FaceEngine> {
    let variable = env::var_os("GATEPASS_MODELS").map(PathBuf::from);
    let data_home = env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| env::var_os("HOME").map(|home| Path::new(&home).join(".local/share")));
    let installed = data_home.map(|folder| folder.join("gatepass").join("models"));
    let source = ModelSource::choose(option.or(variable.as_deref()), installed.as_deref(), Path::exists);
    Ok(source.load(|path| fs::read(path).ok())?)
}
