//! `kiosk demo`: the whole main job, with fictional residents and with attackers.
//!
//! The agency's part is played by the real `issuer` program; the checkpoint's part is this program's own. A resident
//! who is not let through, or an attacker who is, makes the demo fail.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use image::{DynamicImage, GrayImage, Luma};
use serde_json::{Value, json};
use shared::credential::{Checkpoint, Presentation, Purpose};
use shared::face::FaceEngine;
use shared::qr::{self, payload};
use shared::reason::{Answer, Reason};
use shared::time::Timestamp;
use shared::trust::{TrustStore, update};

use super::{now, picture, print};
use crate::cli::Demo;
use crate::decide::{self, FaceDemand};
use crate::models;
use crate::state::State;
use crate::trust_source::Directory;
use crate::ui::mark;

/// How many of the sample residents take part.
const RESIDENTS: usize = 4;

pub fn run(arguments: &Demo) -> Result<ExitCode> {
    let mut demo = Play::set_up(arguments)?;
    demo.agency()?;
    demo.residents()?;
    demo.attacks()?;
    demo.finish()
}

/// One person with a phone.
struct Resident {
    folder: String,
    name: String,
    subject: String,
    key: PathBuf,
    credential: PathBuf,
}

struct Play {
    issuer: PathBuf,
    residents_folder: PathBuf,
    out: PathBuf,
    engine: FaceEngine,
    state: State,
    now: Timestamp,
    border: Purpose,
    residents: Vec<Resident>,
    trust: Option<TrustStore>,
    cases: Vec<Value>,
    failures: usize,
    models: Option<PathBuf>,
}

/// What a visit is given, and what must come of it.
struct Visit<'a> {
    title: String,
    text: &'a str,
    probe: Option<PathBuf>,
    at: Timestamp,
    purpose: &'a Purpose,
    expected: Reason,
}

impl Play {
    fn set_up(arguments: &Demo) -> Result<Self> {
        let issuer = match &arguments.issuer {
            Some(issuer) => issuer.clone(),
            None => std::env::current_exe()?.with_file_name("issuer"),
        };
        if !issuer.exists() {
            bail!("the issuer program is not at {}; build it with `cargo build -p issuer`", issuer.display());
        }
        let out = arguments.out.clone();
        for part in ["agency", "other-agency", "repository", "codes", "frames", "phones", "kiosk"] {
            let folder = out.join(part);
            if folder.exists() {
                fs::remove_dir_all(&folder).with_context(|| format!("clearing {}", folder.display()))?;
            }
        }
        for part in ["codes", "frames", "phones"] {
            fs::create_dir_all(out.join(part)).with_context(|| format!("creating {}", out.display()))?;
        }
        print(
            "Gatepass demo. Residents are fictional; keys, signatures, codes, models and faces are real.\n",
        )?;
        let engine = models::load(arguments.models.folder())?;
        print(format!("Faces: {} models ({}).\n", engine.set(), engine.models().join(", ")))?;
        Ok(Self {
            issuer,
            residents_folder: arguments.residents.clone(),
            state: State::open(&out.join("kiosk"))?,
            out,
            engine,
            now: now(None),
            border: Purpose::parse("border")?,
            residents: vec![],
            trust: None,
            cases: vec![],
            failures: 0,
            models: arguments.models.folder().map(Path::to_owned),
        })
    }

    /// An agency enrols, issues and publishes.
    fn agency(&mut self) -> Result<()> {
        print("AGENCY")?;
        let dir = self.out.join("agency");
        self.issuer("create the agency", &["init", "--dir", text(&dir)?, "--iss", "https://id.xa.example"])?;
        let people: Value =
            serde_json::from_slice(&fs::read(self.residents_folder.join("people.json")).with_context(
                || format!("the sample residents are not in {}", self.residents_folder.display()),
            )?)?;
        for person in people["people"].as_array().into_iter().flatten().take(RESIDENTS) {
            let folder = person["folder"].as_str().context("a sample resident has no folder")?.to_owned();
            let name = person["name"].as_str().context("a sample resident has no name")?.to_owned();
            let subject = self.enrol(&folder, person)?;
            let (key, credential) =
                (self.phone(&format!("{folder}.pem")), self.phone(&format!("{folder}.cbor")));
            self.issuer(
                &format!("{name}: make the phone's key"),
                &["holder", "keygen", "--out", text(&key)?],
            )?;
            let resident = Resident { folder, name, subject, key, credential };
            self.issue(&resident, &resident.credential, "border", &[])?;
            self.residents.push(resident);
        }
        self.publish_and_import()
    }

    fn enrol(&self, folder: &str, person: &Value) -> Result<String> {
        let mut claims = person.clone();
        claims.as_object_mut().context("a sample resident is not an object")?.remove("folder");
        let file = self.phone(&format!("{folder}.json"));
        fs::write(&file, claims.to_string())?;
        let photo = self.residents_folder.join(folder).join("id-photo.jpg");
        let dir = self.out.join("agency");
        let mut arguments =
            vec!["enroll", "--dir", text(&dir)?, "--claims", text(&file)?, "--photo", text(&photo)?];
        if let Some(models) = &self.models {
            arguments.extend(["--models", text(models)?]);
        }
        let enrolled = self.issuer(
            &format!("{}: enrol photo and claims", person["name"].as_str().unwrap_or_default()),
            &arguments,
        )?;
        Ok(enrolled["subject"].as_str().context("the issuer printed no subject")?.to_owned())
    }

    fn issue(&self, resident: &Resident, out: &Path, purpose: &str, more: &[&str]) -> Result<()> {
        let (dir, public) = (self.out.join("agency"), format!("{}.pub", text(&resident.key)?));
        let mut arguments = vec![
            "issue",
            "--dir",
            text(&dir)?,
            "--subject",
            &resident.subject,
            "--purpose",
            purpose,
            "--holder-key",
            &public,
            "--out",
            text(out)?,
        ];
        arguments.extend(more);
        self.issuer(&format!("{}: issue a {purpose} credential", resident.name), &arguments)?;
        Ok(())
    }

    fn publish_and_import(&mut self) -> Result<()> {
        let (dir, repository) = (self.out.join("agency"), self.out.join("repository"));
        self.issuer(
            "publish the trust repository",
            &["publish", "--dir", text(&dir)?, "--out", text(&repository)?],
        )?;
        let started = Instant::now();
        let root = fs::read(dir.join("root.json"))?;
        let memory = self.state.snapshot()?.memory;
        let (trust, snapshot) = update(Directory::new(&repository), &root, &memory, now(None))?;
        self.state.activate(&root, &snapshot)?;
        line("the kiosk imports it", started)?;
        self.trust = Some(trust);
        self.now = now(None);
        Ok(())
    }

    /// Every resident comes to the border.
    fn residents(&mut self) -> Result<()> {
        print("\nRESIDENTS")?;
        for number in 0..self.residents.len() {
            let resident = &self.residents[number];
            let code = self.code(&resident.credential, &resident.key, self.now, &resident.folder)?;
            let title = format!("{} passes", resident.name);
            let probe = Some(self.face_of(number));
            let border = self.border.clone();
            self.visit(&Visit {
                title,
                text: &code,
                probe,
                at: self.now.plus(2),
                purpose: &border,
                expected: Reason::Accepted,
            })?;
        }
        Ok(())
    }

    fn attacks(&mut self) -> Result<()> {
        print("\nATTACKS")?;
        let border = self.border.clone();
        let (key, credential) = (self.residents[0].key.clone(), self.residents[0].credential.clone());
        let at = self.now.plus(20);
        let code = self.code(&credential, &key, at, "victim")?;
        let genuine_face = self.face_of(0);
        let attack = |title: &str, text: &str, at: Timestamp, expected: Reason| -> Case {
            Case { title: title.to_owned(), text: text.to_owned(), at, purpose: border.clone(), expected }
        };

        let visit = Visit {
            title: "somebody else shows the phone".into(),
            text: &code,
            probe: Some(self.face_of(1)),
            at,
            purpose: &border,
            expected: Reason::FaceNonMatch,
        };
        self.visit(&visit)?;
        let second = self.code(&credential, &key, at.plus(15), "victim-next")?;
        let mut cases = vec![
            attack("a screenshot, 60 seconds later", &second, at.plus(75), Reason::ProofExpired),
            attack(
                "another name written into the code",
                &renamed(&second)?,
                at.plus(16),
                Reason::CredentialSignature,
            ),
            attack("the phone's live proof cut away", &stripped(&second)?, at.plus(16), Reason::ProofMissing),
            attack("a code that is not ours", "HTTPS://EXAMPLE.ORG/LOGIN", at, Reason::TextNotBase45),
        ];
        let foreign = self.foreign_agency()?;
        let foreign_code = self.code(&foreign.0, &foreign.1, at, "forger")?;
        cases.push(attack(
            "a code of an agency that nobody trusts",
            &foreign_code,
            at,
            Reason::IssuerUnknown,
        ));

        let hotel = self.phone("hotel.cbor");
        self.issue(&self.residents[1], &hotel, "hotel", &[])?;
        let hotel_code = self.code_for(&hotel, &self.residents[1].key, "border", at, "hotel")?;
        cases.push(attack("a hotel credential at the border", &hotel_code, at, Reason::CredentialPurpose));
        let short = self.phone("short.cbor");
        let hour = self.now.plus(3600).to_string();
        self.issue(&self.residents[2], &short, "border", &["--expires", &hour])?;
        let late = self.now.plus(7200);
        let expired = self.code(&short, &self.residents[2].key, late, "expired")?;
        cases.push(attack(
            "a credential that expired an hour ago",
            &expired,
            late,
            Reason::CredentialExpired,
        ));
        let stale = self.now.plus(10 * 24 * 3600);
        let stale_code = self.code(&credential, &key, stale, "stale")?;
        cases.push(attack(
            "a kiosk that was not updated for ten days",
            &stale_code,
            stale,
            Reason::TrustStale,
        ));
        for case in &cases {
            self.attack(case, &genuine_face)?;
        }

        let third = self.code(&credential, &key, at.plus(30), "victim-third")?;
        let border = self.border.clone();
        let first_use = Visit {
            title: "(the resident passes once more)".into(),
            text: &third,
            probe: Some(genuine_face.clone()),
            at: at.plus(31),
            purpose: &border,
            expected: Reason::Accepted,
        };
        self.visit(&first_use)?;
        self.attack(
            &attack("the very same code at the next lane", &third, at.plus(33), Reason::ProofReplayed),
            &genuine_face,
        )?;

        let dir = self.out.join("agency");
        self.issuer(
            "the agency revokes a credential",
            &["revoke", "--dir", text(&dir)?, "--credential", text(&credential)?],
        )?;
        self.publish_and_import()?;
        let revoked = self.code(&credential, &key, at.plus(60), "revoked")?;
        self.attack(
            &attack("the revoked credential", &revoked, at.plus(61), Reason::StatusRevoked),
            &genuine_face,
        )
    }

    fn attack(&mut self, case: &Case, probe: &Path) -> Result<()> {
        self.visit(&Visit {
            title: case.title.clone(),
            text: &case.text,
            probe: Some(probe.to_owned()),
            at: case.at,
            purpose: &case.purpose,
            expected: case.expected,
        })
    }

    /// An agency of its own making, that no kiosk was told to trust.
    fn foreign_agency(&self) -> Result<(PathBuf, PathBuf)> {
        let (dir, key, credential) =
            (self.out.join("other-agency"), self.phone("forger.pem"), self.phone("forger.cbor"));
        self.issuer(
            "a forger creates an agency",
            &["init", "--dir", text(&dir)?, "--iss", "https://id.forger.example"],
        )?;
        let folder = &self.residents[0].folder;
        let (claims, photo) =
            (self.phone(&format!("{folder}.json")), self.residents_folder.join(folder).join("id-photo.jpg"));
        let enrolled = self.issuer(
            "and enrols",
            &[
                "enroll",
                "--dir",
                text(&dir)?,
                "--claims",
                text(&claims)?,
                "--photo",
                text(&photo)?,
                "--without-face",
            ],
        )?;
        let subject = enrolled["subject"].as_str().context("the issuer printed no subject")?.to_owned();
        self.issuer("with a key", &["holder", "keygen", "--out", text(&key)?])?;
        let public = format!("{}.pub", text(&key)?);
        self.issuer(
            "and issues",
            &[
                "issue",
                "--dir",
                text(&dir)?,
                "--subject",
                &subject,
                "--purpose",
                "border",
                "--holder-key",
                &public,
                "--out",
                text(&credential)?,
            ],
        )?;
        Ok((credential, key))
    }

    /// Puts a code before the camera and a face before the same camera, and checks what comes of it.
    fn visit(&mut self, visit: &Visit<'_>) -> Result<()> {
        let name = format!(
            "{:02}-{}",
            self.cases.len() + 1,
            visit.title.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-")
        );
        let frame = camera_frame(visit.text, self.cases.len() as u32)?;
        frame.save(self.out.join("frames").join(format!("{name}.png"))).context("saving a camera frame")?;
        let trust = self.trust.clone().context("no trust repository was imported")?;

        let mut stages: Vec<(&str, Value)> = Vec::new();
        let started = Instant::now();
        let reading = qr::read(&frame);
        let seen = reading.symbols.first().map(|symbol| (symbol.version, symbol.level, symbol.stage));
        let read = decide::one_code(reading);
        stages.push(("read", ms(started)));
        let (reason, face) = match read {
            Err(reason) => (reason, None),
            Ok(text) => {
                let started = Instant::now();
                let checkpoint =
                    Checkpoint { purpose: visit.purpose, trust: &trust, keys: &[], challenge: None };
                let verified = decide::verify_code(&text, &checkpoint, visit.at, &mut self.state);
                stages.push(("verify", ms(started)));
                match (verified, &visit.probe) {
                    (Err(reason), _) => (reason, None),
                    (Ok(verified), Some(probe)) => {
                        let policy = trust.policy(visit.purpose).context("a purpose without a policy")?;
                        let demand = FaceDemand::new(policy, None);
                        let started = Instant::now();
                        let answer = decide::compare_face(&self.engine, &verified, &picture(probe)?, &demand);
                        stages.push(("face", ms(started)));
                        (answer.reason, answer.record)
                    }
                    (Ok(_), None) => (Reason::FaceNoTemplate, None),
                }
            }
        };
        let passed = visit.expected == reason;
        self.failures += usize::from(!passed);
        let (sign, _) = mark(reason.answer());
        let times: Vec<String> = stages.iter().map(|(stage, ms)| format!("{stage} {ms} ms")).collect();
        let symbol = seen.map_or_else(String::new, |(version, level, stage)| {
            format!("v{version}-{}, {}", level.name(), stage.name())
        });
        let score =
            face.as_ref().map_or_else(String::new, |face| format!(", score {:.2}", face.comparison.score));
        print(format!(
            "  {sign} {:<42} {:<24} {}{score}  [{symbol}]",
            visit.title,
            reason.code(),
            times.join(", ")
        ))?;
        if !passed {
            print(format!("    WRONG: expected {}", visit.expected))?;
        }
        self.cases.push(json!({
            "title": visit.title, "expected": visit.expected, "decision": reason.answer(), "reason": reason, "passed": passed,
            "stages_ms": stages.into_iter().map(|(stage, ms)| (stage.to_owned(), ms)).collect::<serde_json::Map<_, _>>(), "symbol": symbol, "face": face, "frame": format!("frames/{name}.png"), "at": visit.at,
        }));
        Ok(())
    }

    fn finish(self) -> Result<ExitCode> {
        let accepted = self.cases.iter().filter(|case| case["decision"] == json!(Answer::Accepted)).count();
        let report = json!({
            "models": self.engine.models(), "cases": self.cases, "accepted": accepted, "failures": self.failures, "at": self.now,
        });
        let path = self.out.join("report.json");
        fs::write(&path, serde_json::to_string_pretty(&report)? + "\n")
            .with_context(|| format!("writing {}", path.display()))?;
        let verdict = if self.failures == 0 {
            "Every resident and every attack was decided as it should be."
        } else {
            "SOMETHING WAS DECIDED WRONGLY."
        };
        print(format!(
            "\n{verdict} {} visits, {accepted} accepted, {} wrong.",
            self.cases.len(),
            self.failures
        ))?;
        print(format!("Codes, camera frames and report.json are in {}.", self.out.display()))?;
        Ok(if self.failures == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) })
    }

    /// Lets a phone make the code of one moment; its picture stays in `codes/`.
    fn code(&self, credential: &Path, key: &Path, at: Timestamp, name: &str) -> Result<String> {
        self.code_for(credential, key, "border", at, name)
    }

    fn code_for(
        &self,
        credential: &Path,
        key: &Path,
        audience: &str,
        at: Timestamp,
        name: &str,
    ) -> Result<String> {
        let at = at.to_string();
        let show = |format: &str, folder: &Path| {
            let arguments = [
                "holder",
                "present",
                "--credential",
                text(credential)?,
                "--key",
                text(key)?,
                "--aud",
                audience,
                "--at",
                &at,
                "--format",
                format,
                "--out",
                text(folder)?,
            ];
            self.quietly(&arguments)
        };
        show("png", &self.out.join("codes").join(name))?;
        let folder = self.out.join("codes").join(name);
        let made = show("text", &folder)?;
        let file = made["frames"][0]["file"].as_str().context("the phone made no code")?;
        Ok(fs::read_to_string(file)?)
    }

    fn phone(&self, file: &str) -> PathBuf {
        self.out.join("phones").join(file)
    }

    fn face_of(&self, number: usize) -> PathBuf {
        self.residents_folder.join(&self.residents[number].folder).join("camera-a.jpg")
    }

    /// Runs the issuer program and says what it did and how long it took.
    fn issuer(&self, what: &str, arguments: &[&str]) -> Result<Value> {
        let started = Instant::now();
        let answer = self.quietly(arguments)?;
        line(what, started)?;
        Ok(answer)
    }

    fn quietly(&self, arguments: &[&str]) -> Result<Value> {
        let output = Command::new(&self.issuer)
            .arg("--json")
            .args(arguments)
            .output()
            .with_context(|| format!("running {}", self.issuer.display()))?;
        if !output.status.success() {
            bail!(
                "issuer {}: {}{}",
                arguments.join(" "),
                String::from_utf8_lossy(&output.stderr),
                String::from_utf8_lossy(&output.stdout)
            );
        }
        serde_json::from_slice(&output.stdout).context("the issuer printed no JSON")
    }
}

/// An attack that shows a code and the genuine face.
struct Case {
    title: String,
    text: String,
    at: Timestamp,
    purpose: Purpose,
    expected: Reason,
}

/// Writes another name of the same length into the credential.
fn renamed(text: &str) -> Result<String> {
    let mut bytes = payload::base45_decode(text)?;
    let name =
        bytes.windows(6).position(|window| window == b"SAMPLE").context("the credential names nobody")?;
    bytes[name..name + 6].copy_from_slice(b"FORGED");
    Ok(payload::base45_encode(&bytes))
}

/// Takes the credential out of a rotating code, as an attacker with a photograph of one would.
fn stripped(text: &str) -> Result<String> {
    let code = Presentation::decode(text)?;
    let Presentation::KeyBound(bytes) = &code else { bail!("not a rotating code") };
    // The credential is the value of header 13 in the protected bucket; it starts with the second tag 18.
    let start = bytes.iter().skip(1).position(|byte| *byte == 0xd2).context("no credential inside")? + 1;
    let length = (start + 1..=bytes.len())
        .find(|end| shared::cbor::decode(&bytes[start..*end]).is_ok())
        .context("no credential inside")?;
    Ok(payload::encode(&payload::Payload::Static(bytes[start..length].to_vec())))
}

/// What a 1280×720 camera sees of a code on a phone's screen: turned a little, dim, soft and noisy.
fn camera_frame(text: &str, seed: u32) -> Result<GrayImage> {
    const WIDTH: u32 = 1280;
    const HEIGHT: u32 = 720;
    let symbol = qr::encode(text)?;
    let drawn = symbol.to_luma(std::num::NonZero::new(8).context("eight is not zero")?);
    let scale = drawn.width() as f32 / 560.0;
    let (sine, cosine) = (((seed * 37) % 21) as f32 - 10.0).to_radians().sin_cos();
    let mut noise = seed.wrapping_mul(747_796_405).wrapping_add(1);
    let frame = GrayImage::from_fn(WIDTH, HEIGHT, |x, y| {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (dx, dy) = (x as f32 - WIDTH as f32 / 2.0, y as f32 - HEIGHT as f32 / 2.0);
        let (u, v) = ((dx * cosine + dy * sine) * scale, (dy * cosine - dx * sine) * scale);
        let (u, v) = (u + drawn.width() as f32 / 2.0, v + drawn.height() as f32 / 2.0);
        let inside = u >= 0.0 && v >= 0.0 && u < drawn.width() as f32 && v < drawn.height() as f32;
        let light =
            if inside { f32::from(drawn.get_pixel(u as u32, v as u32).0[0]) * 0.7 + 30.0 } else { 45.0 };
        Luma([(light + (noise >> 28) as f32 - 8.0).clamp(0.0, 255.0) as u8])
    });
    Ok(DynamicImage::ImageLuma8(frame).blur(0.8).into_luma8())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{} is not a UTF-8 path", path.display()))
}

fn line(what: &str, started: Instant) -> Result<()> {
    print(format!("  · {what:<68} {:>7.0} ms", started.elapsed().as_secs_f64() * 1000.0))
}

fn ms(since: Instant) -> Value {
    json!((since.elapsed().as_secs_f64() * 1e4).round() / 10.0)
}
