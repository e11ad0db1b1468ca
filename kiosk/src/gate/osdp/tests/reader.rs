//! A reader, before somebody else's panel.

use super::*;

/// A line that remembers the codes of the frames that went out.
struct Spied(Line, Arc<Mutex<Vec<u8>>>);

impl Channel for Spied {
    fn get_id(&self) -> i32 {
        self.0.get_id()
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ChannelError> {
        self.0.read(buffer)
    }

    fn write(&mut self, frame: &[u8]) -> Result<usize, ChannelError> {
        self.1.lock().unwrap().extend(code(frame));
        self.0.write(frame)
    }

    fn flush(&mut self) -> Result<(), ChannelError> {
        self.0.flush()
    }

    fn close(&mut self) -> Result<(), ChannelError> {
        self.0.close()
    }
}

/// Somebody else's panel, on a thread.
struct ForeignPanel {
    /// The codes of what it said so far.
    said: Arc<Mutex<Vec<u8>>>,
    cards: Receiver<(usize, Vec<u8>)>,
    commands: Sender<OsdpCommand>,
    secure: Arc<AtomicU8>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl ForeignPanel {
    fn start(port: &File, key: &str) -> Self {
        let reader = PdInfoBuilder::new()
            .address(5)
            .unwrap()
            .baud_rate(115_200)
            .unwrap()
            .flag(OsdpFlag::EnforceSecure)
            .secure_channel_key(key_bytes(key));
        let said = Arc::new(Mutex::new(Vec::new()));
        let line = Box::new(Spied(Line::over(port.try_clone().unwrap()), said.clone()));
        let mut control = ControlPanelBuilder::new().add_channel(line, vec![reader]).build().unwrap();
        let (tell, cards) = channel();
        control.set_event_callback(move |_, event| {
            if let OsdpEvent::CardRead(card) = event {
                let _ = tell.send((card.nr_bits, card.data));
            }
            0
        });
        let (commands, to_send) = channel();
        let stop = Arc::new(AtomicBool::new(false));
        let secure = Arc::new(AtomicU8::new(0));
        let (stopped, seen) = (stop.clone(), secure.clone());
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::SeqCst) {
                control.refresh();
                seen.store(u8::from(control.is_online(0) && control.is_sc_active(0)), Ordering::SeqCst);
                while let Ok(command) = to_send.try_recv() {
                    control.send_command(0, command).unwrap();
                }
                thread::sleep(Duration::from_millis(2));
            }
        });
        Self { said, cards, commands, secure, stop, thread: Some(thread) }
    }

    fn wait_until_secure(&self) {
        let began = Instant::now();
        while self.secure.load(Ordering::SeqCst) == 0 {
            assert!(began.elapsed() < LONG, "no secure channel");
            thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for ForeignPanel {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap();
    }
}

#[test]
fn a_reader_gives_its_card_to_a_panel() {
    let (wire, port) = pty();
    let mut reader = Served::reader(&port, KEY);
    let panel = ForeignPanel::start(&wire, KEY);
    panel.wait_until_secure();
    // It may have said before that nobody asks.
    while reader.next() != Report::Up {}
    for _ in 0..3 {
        reader.say(Command::Open);
        assert_eq!(reader.next(), Report::Opened);
        let card = panel.cards.recv_timeout(LONG).unwrap();
        assert_eq!(card, (26, vec![0b1000_0000, 0b1000_0000, 0b0000_0000, 0b1000_0000]));
    }
    assert!(panel.cards.try_recv().is_err(), "one card an opening");
    reader.leave();
}

#[test]
fn a_card_that_was_not_fetched_in_time_is_never_fetched() {
    let (wire, port) = pty();
    let mut reader = Served::reader(&port, KEY);
    let panel = ForeignPanel::start(&wire, KEY);
    while reader.next() != Report::Up {}
    drop(panel);
    reader.say(Command::Open);
    assert_eq!(reader.next(), Report::NotOpened("the panel did not fetch the card".to_owned()));
    let panel = ForeignPanel::start(&wire, KEY);
    panel.wait_until_secure();
    // Once the next card has come, an earlier one would have.
    loop {
        reader.say(Command::Open);
        match reader.next() {
            Report::Opened => break,
            Report::Up | Report::Down(_) | Report::NotOpened(_) => {}
            other => panic!("{other:?}"),
        }
    }
    assert!(panel.cards.recv_timeout(LONG).is_ok());
    assert!(panel.cards.try_recv().is_err(), "opened late");
    reader.leave();
}

#[test]
fn a_panel_with_another_key_gets_no_card() {
    let (wire, port) = pty();
    let mut reader = Served::reader(&port, KEY);
    let panel = ForeignPanel::start(&wire, OTHER_KEY);
    let Report::Down(why) = reader.next() else { panic!() };
    assert!(why.ends_with("has no secure channel with address 5 and our key"), "{why}");
    reader.say(Command::Open);
    assert_eq!(reader.next(), Report::NotOpened("the panel does not ask".to_owned()));
    assert!(panel.cards.try_recv().is_err());
    reader.leave();
}

#[test]
fn a_panel_cannot_change_the_readers_key() {
    let (wire, port) = pty();
    let mut reader = Served::reader(&port, KEY);
    let panel = ForeignPanel::start(&wire, KEY);
    panel.wait_until_secure();
    while reader.next() != Report::Up {}
    let keyset = OsdpCommandKeyset::new_scbk(key_bytes(OTHER_KEY));
    panel.commands.send(OsdpCommand::KeySet(keyset)).unwrap();
    let began = Instant::now();
    // It went out and was answered: by a yes, after which the panel goes on, or by a no, after which it gives up.
    let later = || panel.said.lock().unwrap().iter().rev().position(|code| *code == KEYSET);
    while later().is_none_or(|later| later < 3 && panel.secure.load(Ordering::SeqCst) == 1) {
        assert!(began.elapsed() < LONG, "the key was not sent");
        thread::sleep(Duration::from_millis(5));
    }
    drop(panel);
    let panel = ForeignPanel::start(&wire, KEY);
    panel.wait_until_secure();
    loop {
        reader.say(Command::Open);
        if reader.next() == Report::Opened {
            break;
        }
    }
    reader.leave();
}
