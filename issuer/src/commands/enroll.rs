//! `issuer enroll`: a claim file and a photograph become a subject.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};
use shared::credential::{Attribute, AttributeValue, Attributes};

use crate::cli::Enroll;
use crate::commands::{note, now};
use crate::keys::random;
use crate::office::Office;
use crate::output::Answer;
use crate::photo;
use crate::registry::{Document, SubjectData};

/// The largest photograph or document read, in bytes.
const MAX_FILE: u64 = 20 << 20;

pub fn run(arguments: &Enroll) -> Result<Answer> {
    let now = now(arguments.at.at);
    let office = Office::open(&arguments.at.dir)?;
    let (attributes, ignored) = read_claims(&arguments.claims)?;
    if !ignored.is_empty() {
        note(&format!("not identity attributes, left out: {}", ignored.join(", ")));
    }
    let picture = read_bounded(&arguments.photo)?;
    let documents = arguments.document.iter().map(|path| document(path)).collect::<Result<Vec<_>>>()?;
    let face = if arguments.without_face {
        None
    } else {
        match photo::template(&picture, arguments.models.as_deref())? {
            Ok(template) => Some(template),
            Err(refusal) => {
                let (code, sentence) = photo::explain(&refusal);
                return Ok(Answer::no(
                    format!("not enrolled: {sentence}"),
                    json!({ "enrolled": false, "reason": code, "message": sentence }),
                ));
            }
        }
    };
    let algorithm = face.as_ref().map(|face| face.algorithm().as_str().to_owned());
    let data = SubjectData {
        attributes,
        face: face.map(|face| (face.algorithm().as_str().to_owned(), hex::encode(face.as_bytes()))),
        photo: picture,
        documents,
        secret: random()?,
    };
    let subject = office.registry()?.enroll(&data, now)?;
    Ok(Answer::done(
        subject.clone(),
        json!({ "enrolled": true, "subject": subject, "face": algorithm, "ignored": ignored, "at": now }),
    ))
}

fn document(path: &Path) -> Result<Document> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .with_context(|| format!("{} has no usable name", path.display()))?;
    Ok(Document { name: name.to_owned(), bytes: read_bounded(path)? })
}

fn read_bounded(path: &Path) -> Result<Vec<u8>> {
    let size = fs::metadata(path).with_context(|| format!("reading {}", path.display()))?.len();
    if size > MAX_FILE {
        bail!("{} is larger than {} MB", path.display(), MAX_FILE >> 20);
    }
    fs::read(path).with_context(|| format!("reading {}", path.display()))
}

fn read_claims(path: &Path) -> Result<(Attributes, Vec<String>)> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let object: Map<String, Value> = serde_json::from_str(&text)
        .with_context(|| format!("{} is not a JSON object of attributes", path.display()))?;
    let (mut attributes, mut ignored) = (Attributes::default(), Vec::new());
    for (name, value) in object {
        let Some(attribute) = Attribute::from_name(&name) else {
            ignored.push(name);
            continue;
        };
        if attribute == Attribute::AgeOver {
            bail!(
                "ageOver is worked out from dateOfBirth when a credential is issued; leave it out of {}",
                path.display()
            );
        }
        let value = match value {
            Value::String(text) => AttributeValue::Text(text),
            Value::Number(number) => {
                let code = number.as_u64().and_then(|code| u8::try_from(code).ok());
                AttributeValue::Code(
                    code.with_context(|| format!("{name} must be a small number, in {}", path.display()))?,
                )
            }
            _ => bail!("{name} must be a text or a number, in {}", path.display()),
        };
        attributes.set(attribute, value).with_context(|| format!("in {}", path.display()))?;
    }
    if attributes.iter().next().is_none() {
        bail!("{} holds no identity attribute; it needs at least a name", path.display());
    }
    Ok((attributes, ignored))
}
