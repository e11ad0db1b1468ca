//! The kiosk's devices on real drivers: cameras that stall, send damaged frames, fail and are pulled out, and a scanner.
//! Each test boots a machine of its own, in which nothing is simulated but the hardware.

use serde_json::Value;
use tests::camera_machine::{CameraMachine, Ran};
use tests::journey::photo;

/// Starts what a visitor shows to `/dev/video9`, with further options, and waits until it is there.
const SHOW: &str = r#"
driver v4l2loopback video_nr=9 card_label=Shown exclusive_caps=1
show() {
    : >/run/shown
    "$SHARE/camera-machine" show "$SHARE/shown" "$@" >/run/shown & shown=$!
    until grep -q showing /run/shown; do sleep 0.1; done
}
hide() { kill $shown; wait $shown; } 2>/dev/null
kiosk() { "$SHARE/kiosk" "$@"; }
"#;

/// Starts the kernel's own camera, with a node for other data beside the one for pictures.
const VIVID: &str = r#"
driver vivid n_devs=1 node_types=0x20001 num_inputs=1 input_types=0
kiosk() { "$SHARE/kiosk" "$@"; }
# Presses a button of the camera, which has another number whenever it comes back.
press() {
    node=$(grep -l vid-cap /sys/class/video4linux/*/name | cut -d/ -f5)
    v4l2-ctl -d /dev/$node -c $1=1
}
"#;

/// A machine where a code and a face can be shown.
fn machine() -> Option<CameraMachine> {
    let machine = CameraMachine::new()?;
    let shown = machine.path("shown");
    std::fs::create_dir(&shown).unwrap();
    let symbol = shared::qr::encode(&"GATEPASS ".repeat(20)).unwrap();
    std::fs::write(shown.join("1.png"), symbol.to_png(8.try_into().unwrap())).unwrap();
    std::fs::copy(photo(1, "camera-a"), shown.join("2.jpg")).unwrap();
    Some(machine)
}

fn failed(seen: &Value, cause: &str) -> bool {
    seen["faults"].as_array().unwrap().iter().any(|fault| fault.as_str().unwrap().contains(cause))
}

fn run(machine: &CameraMachine, drivers: &str, job: &str) -> Ran {
    let ran = machine.run(&format!("{drivers}{job}"));
    println!("{ran}");
    ran
}

#[test]
fn every_format_is_read_at_the_size_that_the_camera_has() {
    let Some(machine) = machine() else { return };
    let ran = run(
        &machine,
        SHOW,
        r#"
        for format in MJPG YUYV GREY; do
            show format=$format size=640x480 hold=300
            echo "$format $(kiosk cameras test /dev/video9 --frames 60 --json)"
            hide
        done
        show format=MJPG size=1280x720 hold=300
        echo "LARGE $(kiosk cameras test bus:platform:v4l2loopback-000 --frames 60 --json)"
        echo "LIST $(kiosk cameras --json)"
    "#,
    );
    for (word, format) in [
        ("MJPG", "MJPG 640x480"),
        ("YUYV", "YUYV 640x480"),
        ("GREY", "GREY 640x480"),
        ("LARGE", "MJPG 1280x720"),
    ] {
        let seen = ran.json(word);
        assert_eq!((&seen["format"], &seen["frames"]), (&format.into(), &60.into()));
        // Not so what is damaged: this device overwrites what is being read where the reader is late.
        assert_eq!(seen["faults"], serde_json::json!([]), "{word}");
        let readable = seen["readable"].as_u64().unwrap();
        assert!((1..60).contains(&readable), "a code and a face were shown in turn: {readable} of 60");
        assert!(seen["fps"].as_f64().unwrap() > 0.0 && seen["sharpness"].as_f64().unwrap() > 0.5);
    }
    let list = ran.json("LIST");
    assert_eq!(list["cameras"][0]["name"], "Shown");
}

#[test]
fn damaged_frames_are_left_out_and_a_stall_is_a_fault_that_ends() {
    let Some(machine) = machine() else { return };
    let ran = run(
        &machine,
        SHOW,
        r#"
        show damaged=10
        echo "TENTH $(kiosk cameras test /dev/video9 --frames 150 --json)"
        hide
        show damaged=1
        echo "ALL $(kiosk cameras test /dev/video9 --patience 5 --json; echo $?)"
        hide
        show pause=4000:5000
        echo "STALL $(kiosk cameras test /dev/video9 --frames 150 --patience 20 --json)"
        hide
        show
        (sleep 4; kill $shown) &
        echo "LEFT $(kiosk cameras test /dev/video9 --frames 100000 --patience 4 --json)"
    "#,
    );
    let tenth = ran.json("TENTH");
    assert_eq!((&tenth["frames"], &tenth["faults"]), (&150.into(), &serde_json::json!([])));
    let damaged = tenth["damaged"].as_u64().unwrap();
    // More than a tenth where the reader is late: this device overwrites what is being read.
    assert!((5..150).contains(&damaged), "{damaged}");
    assert!(ran.to_string().contains("it sends nothing but damaged pictures"));
    assert!(ran.lines.iter().any(|line| line == "ALL 2"), "no frame at all: it could not be tested");
    let stall = ran.json("STALL");
    assert_eq!((&stall["frames"], &stall["problems"]), (&150.into(), &serde_json::json!([])));
    assert!(stall["reopened"].as_u64().unwrap() > 0);
    assert!(failed(&stall, "it sends no pictures"), "{stall}");
    let left = ran.json("LEFT");
    assert_eq!(left["problems"], serde_json::json!(["it stopped sending frames"]));
}

#[test]
fn a_camera_is_used_whatever_state_others_left_it_in_and_comes_back_after_every_fault() {
    let Some(machine) = machine() else { return };
    let ran = run(
        &machine,
        VIVID,
        r#"
        echo "LIST $(kiosk cameras --json)"
        v4l2-ctl -d /dev/video0 --set-fmt-video=pixelformat=UYVY --set-parm=12.5
        echo "LEFT_BEHIND $(kiosk cameras test --frames 30 --json)"
        v4l2-ctl -d /dev/video0 --get-fmt-video --get-parm
        cd /sys/bus/platform/drivers/vivid
        (sleep 3; echo vivid.0 > unbind; sleep 3; echo vivid.0 > bind) &
        echo "PULLED $(kiosk cameras test bus:platform:vivid-000 --frames 100 --patience 20 --json)"
        (sleep 3; press inject_fatal_streaming_error) &
        echo "FATAL $(kiosk cameras test bus:platform:vivid-000 --frames 100 --patience 20 --json)"
        (sleep 3; press disconnect; sleep 3; echo vivid.0 > unbind; echo vivid.0 > bind) &
        echo "DISCONNECTED $(kiosk cameras test bus:platform:vivid-000 --frames 100 --patience 20 --json)"
        for call in reqbufs qbuf streamon; do
            press inject_vidioc_${call}_error
            echo "$call $(kiosk cameras test bus:platform:vivid-000 --frames 30 --patience 20 --json)"
        done
    "#,
    );
    let cameras = ran.json("LIST");
    let cameras = cameras["cameras"].as_array().unwrap();
    assert_eq!(cameras.len(), 1, "the node for other data is no camera: {ran}");
    assert_eq!(cameras[0]["id"], "bus:platform:vivid-000");
    let left = ran.json("LEFT_BEHIND");
    assert!(left["format"].as_str().unwrap().starts_with("YUYV "), "{left}");
    for (word, cause) in [
        ("PULLED", "it was pulled out"),
        ("FATAL", "the device failed"),
        ("DISCONNECTED", "it was pulled out"),
    ] {
        let seen = ran.json(word);
        assert_eq!(seen["problems"], serde_json::json!([]), "{word}");
        assert!(seen["reopened"].as_u64().unwrap() > 0, "{word}");
        assert!(failed(&seen, cause), "{word}: {seen}");
    }
    // A single call that fails is one fault, and the next attempt works.
    for call in ["reqbufs", "qbuf", "streamon"] {
        let seen = ran.json(call);
        assert_eq!((&seen["frames"], &seen["problems"]), (&30.into(), &serde_json::json!([])), "{call}");
        assert_eq!(seen["faults"].as_array().unwrap().len(), 1, "{call}: {seen}");
        assert!(failed(&seen, "the driver failed: Invalid argument"), "{call}: {seen}");
    }
}

#[test]
fn a_scanner_that_types_is_taken_for_the_lane_alone_and_comes_back() {
    let Some(machine) = machine() else { return };
    let ran = run(
        &machine,
        VIVID,
        r#"
        "$SHARE/camera-machine" type 'NCF 123:ABC/$%*+-.XYZ' 100 & scanner=$!
        sleep 0.3
        kiosk scanner keyboard:/dev/input/event0 --codes 2 | sed 's/^/FIRST /'
        kiosk scanner keyboard:/dev/input/event0 --codes 100 --patience 8 | sed 's/^/SECOND /' &
        sleep 3
        kiosk scanner keyboard:/dev/input/event0 --patience 3; echo "BUSY $?"
        kill $scanner
        sleep 2
        "$SHARE/camera-machine" type 'AGAIN' 4
        wait %2
    "#,
    );
    let text = serde_json::json!("NCF 123:ABC/$%*+-.XYZ");
    assert_eq!(ran.json("FIRST")["text"], text);
    assert_eq!(ran.json("SECOND")["text"], text);
    assert!(ran.lines.iter().any(|line| line == "BUSY 1"), "two cannot have it");
    assert!(ran.lines.iter().any(|line| line == r#"SECOND {"text":"AGAIN"}"#));
    assert!(ran.to_string().contains("it works again"));
}
