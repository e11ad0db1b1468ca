//! A lane with a camera for codes and another one for faces.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::*;
use crate::operator::LaneState;

/// A camera whose every word is given to it: a frame, or a fault.
struct Told(Receiver<bool>);

impl Camera for Told {
    fn next_frame(&mut self) -> Result<Option<Frame>> {
        match self.0.recv() {
            Ok(true) => Ok(Some(Frame::new(nothing().into(), 0))),
            Ok(false) => anyhow::bail!("it is unplugged"),
            Err(_) => Ok(None),
        }
    }
}

fn camera() -> (Sender<bool>, Feed) {
    let (tell, told) = channel();
    (tell, Feed::start("camera", Box::new(Told(told))).unwrap())
}

/// Waits for a state while cameras go on; for long, because the machine may be busy.
fn until(board: &Board, cameras: &[&Sender<bool>], what: impl Fn(&LaneState) -> bool) {
    for _ in 0..2_000 {
        cameras.iter().for_each(|camera| camera.send(true).unwrap());
        if what(&board.status().state) {
            return;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("{:?}", board.status().state);
}

/// Ends the lane, also where the test failed.
struct Ends(Arc<AtomicBool>);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_lane_without_its_face_camera_takes_nobodys_code() {
    let (codes, code_feed) = camera();
    let (faces, face_feed) = camera();
    let mut place = Place::new(Surroundings::default());
    let board = place.board.clone();
    let world = World::default();
    let ends = Ends(place.stop.clone());
    let around = thread::spawn(move || {
        let _ends = ends;
        let closed =
            |state: &LaneState| matches!(state, LaneState::OutOfService { reason: Reason::CameraFailed, .. });
        until(&board, &[&codes, &faces], |state| *state == LaneState::Idle);
        // Nobody is here: the camera for faces is not asked for frames, and is missed all the same.
        faces.send(false).unwrap();
        until(&board, &[&codes], closed);
        for _ in 0..50 {
            codes.send(true).unwrap();
            thread::sleep(Duration::from_millis(10));
            assert!(closed(&board.status().state), "the other camera's frames mend nothing");
        }
        until(&board, &[&codes, &faces], |state| *state == LaneState::Idle);
    });
    let mut gate = gate::open(&GateSettings::default()).unwrap();
    place.work(&world, gate.as_mut(), Source::Live(code_feed, Some(face_feed)));
    around.join().unwrap();
}
