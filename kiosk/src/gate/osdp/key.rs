//! The key of the secure channel.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use zeroize::Zeroizing;

/// SCBK: the base key of the secure channel, which the kiosk and the other side share.
pub type Key = Zeroizing<[u8; 16]>;

/// SCBK-D, the key that every device is delivered with and everybody knows (SIA OSDP 2.2, Annex D).
const DELIVERED_WITH: [u8; 16] = *b"0123456789:;<=>?";

/// Reads a key: 32 hexadecimal digits.
pub fn read(path: &Path) -> Result<Key> {
    let name = path.display();
    let file = File::open(path).with_context(|| format!("opening the key {name}"))?;
    let is = file.metadata().with_context(|| format!("looking at the key {name}"))?;
    // A credential may be root's, with a right for our user in an access list; its mask looks like a right of root's group.
    let credential = (is.uid(), is.gid(), is.mode() & 0o777) == (0, 0, 0o440);
    ensure!(is.mode() & 0o077 == 0 || credential, "the key {name} can be read by others; chmod 600 it");
    let mut text = Zeroizing::new(Vec::with_capacity(64));
    file.take(64).read_to_end(&mut text).with_context(|| format!("reading the key {name}"))?;
    let mut key = Key::default();
    hex::decode_to_slice(text.trim_ascii(), &mut key[..])
        .ok()
        .with_context(|| format!("the key {name} is not 32 hexadecimal digits"))?;
    ensure!(*key != DELIVERED_WITH, "the key {name} is the one that every device is delivered with");
    Ok(key)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_key_is_read_if_it_is_one_and_is_ours_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("osdp.key");
        let read_as = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            read(&path).map_err(|error| format!("{error:#}"))
        };
        let key = read_as("00112233445566778899aabbccddeeff\n", 0o600).unwrap();
        assert_eq!(key[..3], [0x00, 0x11, 0x22]);
        assert!(read_as("00112233445566778899aabbccddeeff", 0o640).unwrap_err().contains("read by others"));
        // Who runs as root makes files of root's.
        let roots = fs::metadata(folder.path()).unwrap().uid() == 0;
        assert_eq!(read_as("00112233445566778899aabbccddeeff", 0o440).is_ok(), roots);
        let delivered = "303132333435363738393a3b3c3d3e3f";
        assert!(read_as(delivered, 0o600).unwrap_err().contains("delivered with"));
        for wrong in ["", "0011", "00112233445566778899aabbccddeeff00", "zz112233445566778899aabbccddeeff"] {
            let refusal = read_as(wrong, 0o400).unwrap_err();
            assert!(refusal.ends_with("is not 32 hexadecimal digits"), "{refusal}");
        }
        assert!(read(Path::new("/no/such/key")).is_err());
    }
}
