//! A panel, before devices of all kinds.

use super::*;

/// A device with a relay, two inputs, a light and a beeper.
struct Device {
    took: Receiver<OsdpCommand>,
    events: Sender<OsdpEvent>,
    output: Arc<AtomicBool>,
    /// What it answers of its inputs, and of its case.
    states: Arc<Mutex<([u8; 2], u8)>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Device {
    fn start(port: &File, key: &str) -> Self {
        let outputs = PdCapability::OutputControl(PdCapEntity::new(4, 1));
        Self::with(port, key, outputs, true)
    }

    fn with(port: &File, key: &str, outputs: PdCapability, obedient: bool) -> Self {
        let info = PdInfoBuilder::new()
            .address(5)
            .unwrap()
            .baud_rate(115_200)
            .unwrap()
            .capability(outputs)
            .capability(PdCapability::ContactStatusMonitoring(PdCapEntity::new(1, 2)))
            .capability(PdCapability::LedControl(PdCapEntity::new(1, 1)))
            .capability(PdCapability::AudibleOutput(PdCapEntity::new(1, 1)))
            .capability(PdCapability::CommunicationSecurity(PdCapEntity::new(1, 1)))
            .flag(OsdpFlag::EnforceSecure)
            .secure_channel_key(key_bytes(key));
        let mut device =
            PeripheralDevice::new(info, Box::new(Line::over(port.try_clone().unwrap()))).unwrap();
        let (tell, took) = channel();
        let (events, to_send) = channel();
        let output = Arc::new(AtomicBool::new(false));
        let states = Arc::new(Mutex::new(([0; 2], 0)));
        let (state, others) = (output.clone(), states.clone());
        let tell = Mutex::new(tell);
        device.set_command_callback(move |command| {
            match command {
                OsdpCommand::Output(asked) => {
                    state.store(asked.control_code == 5 && obedient, Ordering::SeqCst)
                }
                OsdpCommand::Status(status) => {
                    let (inputs, tampered) = *others.lock().unwrap();
                    let told = match status.type_ {
                        OsdpStatusReportType::Input => inputs.to_vec(),
                        OsdpStatusReportType::Local => vec![tampered, 0],
                        _ => vec![u8::from(state.load(Ordering::SeqCst))],
                    };
                    status.nr_entries = told.len();
                    status.report[..told.len()].copy_from_slice(&told);
                    return 0;
                }
                _ => {}
            }
            let _ = tell.lock().unwrap().send(command.clone());
            0
        });
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                while let Ok(event) = to_send.try_recv() {
                    device.notify_event(event).unwrap();
                }
                device.refresh();
                thread::sleep(Duration::from_millis(2));
            }
        });
        Self { took, events, output, states, stop, thread: Some(thread) }
    }

    /// Changes inputs, and volunteers it.
    fn inputs(&self, states: [u8; 2]) {
        self.states.lock().unwrap().0 = states;
        self.volunteer(OsdpStatusReportType::Input, states);
    }

    /// Opens or closes the case, and volunteers it.
    fn tamper(&self, tampered: u8) {
        self.states.lock().unwrap().1 = tampered;
        self.volunteer(OsdpStatusReportType::Local, [tampered, 0]);
    }

    fn volunteer(&self, type_: OsdpStatusReportType, states: [u8; 2]) {
        let mut report = [0; 64];
        report[..2].copy_from_slice(&states);
        self.events.send(OsdpEvent::Status(OsdpStatusReport { type_, nr_entries: 2, report })).unwrap();
    }

    /// Waits for a command to its output, and returns the control code and the tenths of a second.
    fn output_command(&self) -> (u8, u16) {
        loop {
            if let OsdpCommand::Output(output) = self.took.recv_timeout(LONG).expect("a command") {
                return (output.control_code, output.timer_count);
            }
        }
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn a_panel_opens_watches_and_signals() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    let mut panel = Served::panel(&port, KEY, INPUTS);
    // The contact is known before anything else is.
    assert_eq!([panel.next(), panel.next()], [Report::Contact(false), Report::Up]);
    assert_eq!(device.output_command(), (1, 0), "the output is off from the start");

    panel.say(Command::Open);
    assert_eq!(panel.next(), Report::Opened);
    assert_eq!(device.output_command(), (5, 15), "on for the pulse, rounded up to tenths of a second");
    assert!(device.output.load(Ordering::SeqCst));

    device.inputs([1, 0]);
    assert_eq!(panel.next(), Report::Contact(true));
    panel.say(Command::Shut);
    assert_eq!(device.output_command(), (1, 0));
    device.inputs([0, 1]);
    assert_eq!([panel.next(), panel.next()], [Report::Contact(false), Report::Exit]);
    // A wire that was cut, which a supervised input tells apart, is no gate that is shut.
    device.inputs([3, 1]);
    assert_eq!(panel.next(), Report::Contact(true));
    device.tamper(1);
    assert_eq!(panel.next(), Report::Tamper(true));
    device.tamper(0);
    assert_eq!(panel.next(), Report::Tamper(false));

    panel.say(Command::Signal(Signal::Error));
    let (mut light, mut beeper) = (None, None);
    while light.is_none() || beeper.is_none() {
        match device.took.recv_timeout(LONG).unwrap() {
            OsdpCommand::Led(led) => light = Some((led.permanent.on_count, led.permanent.off_count)),
            OsdpCommand::Buzzer(buzzer) => {
                beeper = Some((buzzer.on_count, buzzer.off_count, buzzer.rep_count))
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((light, beeper), (Some((1, 2)), Some((1, 1, 3))));
    panel.leave();
}

#[test]
fn a_device_that_volunteers_nothing_is_asked() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    device.states.lock().unwrap().1 = 1;
    let panel = Served::panel(&port, KEY, INPUTS);
    // Before it counts as up: a case that was opened while nobody looked is no case that is closed.
    let before = [panel.next(), panel.next(), panel.next()];
    assert_eq!(before, [Report::Tamper(true), Report::Contact(false), Report::Up]);
    *device.states.lock().unwrap() = ([1, 0], 1);
    assert_eq!(panel.next(), Report::Contact(true));
    *device.states.lock().unwrap() = ([1, 1], 1);
    assert_eq!(panel.next(), Report::Exit);
    *device.states.lock().unwrap() = ([1, 1], 0);
    assert_eq!(panel.next(), Report::Tamper(false));
    panel.leave();
}

#[test]
fn a_panel_whose_kiosk_is_gone_shuts_the_gate() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    let mut panel = Served::panel(&port, KEY, "");
    assert_eq!(panel.next(), Report::Up);
    panel.say(Command::Open);
    assert_eq!(panel.next(), Report::Opened);
    panel.leave();
    assert!(!device.output.load(Ordering::SeqCst));
}

#[test]
fn another_key_opens_nothing() {
    let (wire, port) = pty();
    let device = Device::start(&wire, OTHER_KEY);
    let mut panel = Served::panel(&port, KEY, "");
    panel.say(Command::Open);
    assert_eq!(panel.next(), Report::NotOpened("the device does not answer".to_owned()));
    assert!(panel.failure().ends_with("takes no secure channel with our key"));
    assert!(device.took.try_recv().is_err());
}

#[test]
fn a_wire_that_leads_nowhere_is_told_of() {
    let (_wire, port) = pty();
    let failure = Served::panel(&port, KEY, "").failure();
    assert!(failure.starts_with("nothing answers on /dev/pts/"), "{failure}");
    assert!(failure.ends_with("at address 5 with 115200 baud"), "{failure}");
}

#[test]
fn a_device_that_falls_silent_is_lost_and_found_again() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    let panel = Served::panel(&port, KEY, "");
    assert_eq!(panel.next(), Report::Up);
    drop(device);
    assert!(panel.failure().ends_with("is silent"));
    let _device = Device::start(&wire, KEY);
    found_again(&port).leave();
}

/// A panel that has found its device. A busy machine may need more than one try, as the kiosk itself makes.
fn found_again(port: &PathBuf) -> Served {
    for _ in 0..10 {
        let panel = Served::panel(port, KEY, "");
        if panel.reports.recv_timeout(LONG) == Ok(Report::Up) {
            return panel;
        }
    }
    panic!("the device was not found again");
}

#[test]
fn an_opening_that_was_not_carried_out_is_not_made_up_for() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    let mut panel = Served::panel(&port, KEY, "");
    assert_eq!(panel.next(), Report::Up);
    assert_eq!(device.output_command(), (1, 0));
    drop(device);
    panel.say(Command::Open);
    let failure = panel.failure();
    assert!(
        failure.ends_with("is silent") || failure.ends_with("did not confirm that its output is on"),
        "{failure}"
    );
    let device = Device::start(&wire, KEY);
    found_again(&port).leave();
    while let Ok(command) = device.took.try_recv() {
        assert!(!matches!(command, OsdpCommand::Output(output) if output.control_code == 5), "opened late");
    }
}

#[test]
fn a_port_that_is_pulled_out_is_told_of() {
    let (wire, port) = pty();
    let device = Device::start(&wire, KEY);
    let panel = Served::panel(&port, KEY, "");
    assert_eq!(panel.next(), Report::Up);
    drop(device);
    drop(wire);
    let failure = panel.failure();
    assert!(failure.ends_with("failed") || failure.ends_with("is silent"), "{failure}");
}

#[test]
fn a_device_without_what_the_settings_name_is_refused() {
    let (wire, port) = pty();
    // It has an output, and cannot switch it off by itself.
    let outputs = PdCapability::OutputControl(PdCapEntity::new(1, 1));
    let device = Device::with(&wire, KEY, outputs, true);
    let failure = Served::panel(&port, KEY, "").failure();
    assert_eq!(failure, "the OSDP device has no output 0 that switches off by itself");
    drop(device);
    let _device = Device::start(&wire, KEY);
    let failure = Served::panel(&port, KEY, "output = 1").failure();
    assert_eq!(failure, "the OSDP device has no output 1 that switches off by itself");
    let failure = Served::panel(&port, KEY, "contact = { input = 2 }").failure();
    assert_eq!(failure, "the OSDP device has no input 2");
}

#[test]
fn a_device_that_says_yes_and_does_nothing_has_not_opened() {
    let (wire, port) = pty();
    let device = Device::with(&wire, KEY, PdCapability::OutputControl(PdCapEntity::new(4, 1)), false);
    let mut panel = Served::panel(&port, KEY, "");
    assert_eq!(panel.next(), Report::Up);
    panel.say(Command::Open);
    assert_eq!(panel.failure(), "the OSDP device did not confirm that its output is on");
    drop(device);
}

#[test]
fn noise_is_survived() {
    let (wire, port) = pty();
    let panel = Served::panel(&port, KEY, "");
    let mut noise = 1u32;
    while !panel.end.is_finished() {
        let bytes: Vec<u8> = (0..64)
            .map(|at| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                // Every now and then what begins a frame of this reader.
                *[0xFF, 0x53, 0x85].get(at % 16).unwrap_or(&(noise >> 24).to_le_bytes()[0])
            })
            .collect();
        // A full buffer is no trouble of ours.
        let _ = (&wire).write(&bytes);
        thread::sleep(Duration::from_millis(3));
    }
    assert!(panel.failure().ends_with("takes no secure channel with our key"));
}
