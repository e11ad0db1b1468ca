//! How fast a lane is and how much it takes, on real drivers and with the resident's screen at work, by its own metrics.
//! Alone in its file, so that no other test runs meanwhile.

use std::io::Write;
use std::process::Command;

use tests::camera_lane::{machine, reasons, run, shown_at};

/// What the lane and its screen have taken: their memory at most, in KiB, and their processor time, in hundredths of a
/// second.
const TAKEN: &str = r#"
memory() { awk '/VmHWM/ { print $2 }' /proc/$1/status; }
spent() { awk '{ print $14 + $15 }' /proc/$1/stat; }
"#;

/// The figures are printed; what is asserted is that visits happened before the screen, and the memory: how long things
/// take here depends on what else the machine outside does.
#[test]
fn visits_are_fast_and_a_lane_is_small() {
    if Command::new("Xvfb").arg("-help").output().is_err() {
        // Straight to the descriptor: the test harness swallows what `eprintln!` writes.
        let _ = writeln!(std::io::stderr(), "\n*** SKIPPED: Xvfb is not installed; there is no screen ***\n");
        return;
    }
    for size in ["640x480", "1280x720"] {
        let seconds: Vec<u32> = (0..5).map(shown_at).collect();
        let Some(machine) = machine(&seconds) else { return };
        let ran = run(
            &machine,
            &format!(
                r#"
        {TAKEN}
        walk & walker=$!
        # A display writes to /tmp, where the files of the machine outside are that cannot be written.
        mount --bind "$SHARE" /mnt; SHARE=/mnt; mount -t tmpfs tmp /tmp
        printf '[screen]\nsocket = "/run/screen"\n' >>/run/kiosk.toml
        Xvfb :1 -screen 0 1024x768x24 >/run/display 2>&1 &
        until [ -e /tmp/.X11-unix/X1 ]; do sleep 0.1; done
        show shown hold=3000 size={size}
        lane
        DISPLAY=:1 "$SHARE/kiosk" screen --connect /run/screen --silent >/run/screen.said 2>&1 & screen=$!
        sleep 48
        hide
        show empty size={size}
        sleep 3
        lane_before=$(spent $lane); screen_before=$(spent $screen); sleep 10
        echo "TAKEN {{
            \"screen_busy\": $screen_before,
            \"lane_idle\": $(( $(spent $lane) - lane_before )),
            \"screen_idle\": $(( $(spent $screen) - screen_before )),
            \"lane_memory\": $(memory $lane),
            \"screen_memory\": $(memory $screen) }}" | tr '\n' ' '; echo
        cat /run/screen.said
        over
        umount -l /tmp
    "#
            ),
        );
        let (metrics, taken) = (ran.json("METRICS"), ran.json("TAKEN"));
        for name in ["gatepass_code_verified_seconds", "gatepass_face_decided_seconds"] {
            let of = &metrics[name];
            println!("{size}: {name}: median {}, p95 {}, of {}", of["median"], of["p95"], of["count"]);
            assert!(of["count"].as_f64().unwrap() >= 3.0, "{metrics}");
        }
        println!("{size}: memory in KiB, and of 10 s without anybody so many hundredths of one: {taken}");
        let accepted = reasons(&ran).iter().filter(|reason| *reason == "accepted").count();
        assert!(accepted >= 3, "{accepted} of 5");
        assert!(taken["screen_busy"].as_u64().unwrap() > 0, "the screen was at work");
        for part in ["lane_memory", "screen_memory"] {
            assert!(taken[part].as_u64().unwrap() < 350 * 1024, "{taken}");
        }
    }
}
