//! The systemd units: valid, and with no more rights than they need.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::installed;

/// The most that `systemd-analyze security` may find, in tenths.
const THRESHOLD: &str = "15";

fn units() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/systemd");
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect()
}

fn named(name: &str) -> PathBuf {
    units().into_iter().find(|path| path.ends_with(name)).unwrap()
}

#[test]
fn services_have_few_rights() {
    if !installed("systemd-analyze") {
        return;
    }
    let analyze = |path: &Path, threshold: &str| {
        let mut command = Command::new("systemd-analyze");
        command
            .args(["security", "--offline=true", "--no-pager", &format!("--threshold={threshold}")])
            .arg(path);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        (output.status.success(), text + &String::from_utf8_lossy(&output.stderr))
    };
    let services: Vec<_> =
        units().into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "service")).collect();
    assert_eq!(services.len(), 3);
    for service in &services {
        let (good, said) = analyze(service, THRESHOLD);
        assert!(good && said.contains("Overall exposure level"), "{}\n{said}", service.display());
    }
    // A service that only gives up being root is far beyond it.
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.service");
    fs::write(&plain, "[Service]\nUser=kiosk\nExecStart=/bin/true\n").unwrap();
    assert!(!analyze(&plain, THRESHOLD).0, "the threshold is not looked at");
}

#[test]
fn units_are_understood() {
    if !installed("systemd-analyze") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let verify = |change: &dyn Fn(&str) -> String| {
        let mut copies = vec![];
        for unit in units() {
            if unit.extension().is_some_and(|kind| kind == "service" || kind == "timer") {
                let copy = folder.path().join(unit.file_name().unwrap());
                // The programs are not installed here; what is said about them is looked at, and not whether they exist.
                let text = fs::read_to_string(&unit).unwrap();
                let text = text.replace("/usr/bin/kiosk", "/bin/true").replace("/usr/bin/cage", "/bin/true");
                fs::write(&copy, change(&text)).unwrap();
                copies.push(copy);
            }
        }
        let output = Command::new("systemd-analyze")
            .args(["verify", "--man=no", "--recursive-errors=no"])
            .args(&copies)
            .output()
            .unwrap();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    assert_eq!(verify(&str::to_owned), "");
    let misspelt = verify(&|text| text.replace("WatchdogSec", "WatchdogSecs"));
    assert!(misspelt.contains("WatchdogSecs"), "{misspelt}");
}

/// Without these a lane cannot ask what its clock is worth, and nobody gets in without an officer.
#[test]
fn the_lane_may_read_the_kernels_clock() {
    let core = fs::read_to_string(named("kiosk-core.service")).unwrap();
    let mut allowed = core.lines().filter_map(|line| line.strip_prefix("SystemCallFilter="));
    // The last line counts.
    let last: Vec<_> = allowed.next_back().unwrap().split(' ').collect();
    assert!(["adjtimex", "clock_adjtime"].iter().all(|call| last.contains(call)), "{last:?}");
    assert!(!core.contains("\nProtectClock"));
}

/// What the units rely on is what the program does.
#[test]
fn the_lane_is_watched_by_its_frames() {
    let core = fs::read_to_string(named("kiosk-core.service")).unwrap();
    for line in [
        "Type=notify",
        "WatchdogSec=10",
        "Restart=always",
        "LoadCredentialEncrypted=kiosk-seal",
        "LimitCORE=0",
        "LogsDirectory=gatepass",
    ] {
        assert!(core.lines().any(|own| own == line), "{line}");
    }
}

#[test]
fn users_and_folders_are_made() {
    if !installed("systemd-sysusers") || !installed("systemd-tmpfiles") {
        return;
    }
    let root = tempfile::tempdir().unwrap();
    fs::create_dir(root.path().join("etc")).unwrap();
    let make = |program: &str, more: &[&str], file: &str| {
        let mut command = Command::new(program);
        command.args(more).arg(format!("--root={}", root.path().display())).arg(named(file));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    };
    make("systemd-sysusers", &[], "gatepass.sysusers.conf");
    let groups = fs::read_to_string(root.path().join("etc/group")).unwrap();
    for unit in ["kiosk-core.service", "kiosk-screen.service", "kiosk-sync.service"] {
        for line in fs::read_to_string(named(unit)).unwrap().lines() {
            let Some(names) = line.strip_prefix("Group=").or(line.strip_prefix("SupplementaryGroups="))
            else {
                continue;
            };
            // The distribution's own.
            for name in names.split(' ').filter(|name| !["video", "render", "audio"].contains(name)) {
                assert!(groups.lines().any(|line| line.starts_with(&format!("{name}:"))), "{unit}: {name}");
            }
        }
    }
    // Making folders of other owners takes an administrator.
    if fs::metadata("/proc/self").unwrap().uid() == 0 {
        make("systemd-tmpfiles", &["--create"], "gatepass.tmpfiles.conf");
        let state = fs::metadata(root.path().join("var/lib/gatepass")).unwrap();
        assert_eq!(state.permissions().mode() & 0o777, 0o700);
        assert_ne!(state.uid(), 0);
    }
}
