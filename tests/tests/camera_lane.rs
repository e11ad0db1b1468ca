//! A whole lane on real drivers: a resident's rotating code, and then their face, are shown to a Video4Linux camera, and a
//! relay on a GPIO line opens. The camera fails in every way that cameras fail.

use tests::camera_lane::{machine, pulses, reasons, run, shown_at};

#[test]
fn a_code_and_a_face_open_the_gate_once() {
    let Some(machine) = machine(&[2]) else { return };
    let ran = run(
        &machine,
        r#"
        walk & walker=$!
        show shown hold=3000
        lane
        sleep 18
        over
    "#,
    );
    let reasons = reasons(&ran);
    assert_eq!(reasons[0], "accepted", "{reasons:?}");
    assert!(ran.lines.iter().any(|line| line.contains("Thank you")), "somebody walked through");
    assert!(reasons[1..].iter().all(|reason| reason == "proof.replayed"), "{reasons:?}");
    assert_eq!(pulses(&ran), 1);
    assert!(ran.lines.iter().any(|line| line == "ENDED 0"));
}

#[test]
fn a_code_that_let_nobody_through_may_be_shown_once_more() {
    let Some(machine) = machine(&[2]) else { return };
    let ran = run(
        &machine,
        r#"
        show shown hold=3000
        lane
        sleep 24
        over
    "#,
    );
    let reasons = reasons(&ran);
    assert!(reasons.len() >= 2 && reasons[..2].iter().all(|reason| reason == "accepted"), "{reasons:?}");
    assert_eq!(pulses(&ran), reasons.iter().filter(|reason| *reason == "accepted").count());
    assert!(ran.lines.iter().any(|line| line.contains("The gate closed again")));
}

/// The kernel's own camera shows no code, and can be pulled out and broken.
#[test]
fn a_camera_that_is_pulled_out_or_breaks_closes_the_lane_until_it_is_back() {
    let Some(machine) = machine(&[]) else { return };
    let ran = run(
        &machine,
        r#"
        driver vivid n_devs=1 node_types=0x1 num_inputs=1 input_types=0
        sed -i s,/dev/video9,bus:platform:vivid-000, /run/kiosk.toml
        lane
        sleep 4; echo vivid.0 >/sys/bus/platform/drivers/vivid/unbind
        sleep 5; echo vivid.0 >/sys/bus/platform/drivers/vivid/bind
        sleep 6
        node=$(grep -l vid-cap /sys/class/video4linux/*/name | cut -d/ -f5)
        v4l2-ctl -d /dev/$node -c inject_fatal_streaming_error=1
        sleep 8
        over
    "#,
    );
    let shown: Vec<&str> = ran.lines.iter().filter_map(|line| line.strip_prefix("SAID ")).collect();
    let closed = "■ This lane is closed. The camera does not deliver pictures.";
    let open = "· Hold your code in front of the camera.";
    let screens = shown.iter().filter(|line| [closed, open].contains(line));
    let screens: Vec<bool> = screens.map(|line| *line == open).collect();
    assert_eq!(screens, [true, false, true, false, true], "{shown:?}");
    assert!(ran.lines.iter().any(|line| line == "ENDED 0"));
}

#[test]
fn a_lane_lives_through_what_cameras_do() {
    let seconds: Vec<u32> = (0..10).map(shown_at).collect();
    let Some(machine) = machine(&seconds) else { return };
    let ran = run(
        &machine,
        r#"
        walk & walker=$!
        show shown hold=3000 damaged=10 pause=20000:5000
        lane
        sleep 40
        hide
        sleep 4
        echo "STATE $(tail -1 /run/said)"
        show shown hold=3000
        sleep 30
        over
    "#,
    );
    let accepted = reasons(&ran).iter().filter(|reason| *reason == "accepted").count();
    assert!(accepted >= 3, "{accepted} of the visits");
    assert_eq!(pulses(&ran), accepted);
    let said =
        |what: &str| ran.lines.iter().filter(|line| line.starts_with("SAID ") && line.contains(what)).count();
    assert!(said("the camera failed") >= 2, "a stall and an unplugged camera are said");
    assert!(said("The camera does not deliver pictures") >= 2, "and shown as out of service");
    assert!(ran.lines.iter().any(|line| line == "ENDED 0"));
}
