//! The cameras of this machine, and the one that a name means.

use std::fs;
use std::path::{Path, PathBuf};

use ::v4l::Device;
use ::v4l::format::FourCC;
use ::v4l::framesize::FrameSizeEnum;
use ::v4l::video::Capture;
use anyhow::{Context, Error, Result, bail};
use serde::Serialize;

use super::DeviceName;
use super::v4l::{cause, format, ioctl};

/// Where the kernel lists devices.
const SYSFS: &str = "/sys";

/// Where it puts their nodes.
const DEV: &str = "/dev";

/// Where udev keeps names that stay: by make, and by place.
const BY_ID: &str = "/dev/v4l/by-id";
const BY_PATH: &str = "/dev/v4l/by-path";

/// A camera of this machine.
#[derive(Debug, Serialize)]
pub struct Listed {
    /// The name to give it in settings.
    pub id: String,
    /// Where it is now.
    pub path: PathBuf,
    /// What its maker calls it.
    pub name: String,
    /// What it can send, in the driver's order.
    pub formats: Vec<Offer>,
}

/// A pixel format on offer.
#[derive(Debug, Serialize)]
pub struct Offer {
    /// Its four characters.
    pub format: String,
    /// Whether a lane understands it.
    pub understood: bool,
    /// Width and height in pixels; of a range, the smallest and the largest.
    pub sizes: Vec<(u32, u32)>,
}

/// What there is.
#[derive(Debug)]
pub struct Found {
    /// The cameras that this user may open.
    pub cameras: Vec<Listed>,
    /// Why a node could not be looked at, for each.
    pub refused: Vec<Error>,
}

/// Lists the cameras of this machine.
pub fn list() -> Found {
    let mut found = Found { cameras: vec![], refused: vec![] };
    let nodes = nodes(Path::new(SYSFS));
    for node in &nodes {
        let path = Path::new(DEV).join(&node.name);
        match look(&path) {
            Ok((device, capability)) if capability.is_camera => {
                let id = stable_name(&path, node, &nodes, &capability.bus);
                found.cameras.push(Listed { id, path, name: capability.card, formats: offers(&device) });
            }
            Ok(_) => {}
            Err(error) => found.refused.push(error),
        }
    }
    found
}

/// Returns the device node that a name means now.
pub fn find(name: &DeviceName) -> Result<PathBuf> {
    find_in(name, Path::new(SYSFS), Path::new(DEV))
}

fn find_in(name: &DeviceName, sysfs: &Path, dev: &Path) -> Result<PathBuf> {
    if let DeviceName::Path(path) = name {
        return Ok(path.clone());
    }
    let (mut matches, mut refused) = (Vec::new(), None);
    for node in nodes(sysfs) {
        let place = match name {
            DeviceName::Bus(place) => Some(place),
            name if node.is_called(name) => None,
            _ => continue,
        };
        let path = dev.join(&node.name);
        match look(&path) {
            Ok((_, is)) if is.is_camera && place.is_none_or(|place| is.bus == *place) => matches.push(path),
            Ok(_) => {}
            Err(error) => refused = Some(error),
        }
    }
    match (matches.as_slice(), refused) {
        ([], Some(error)) => Err(error),
        ([], None) => bail!("it is not there"),
        ([path], _) => Ok(path.clone()),
        (several, _) => bail!(
            "{} cameras are called that; `kiosk cameras` shows names that tell them apart",
            several.len()
        ),
    }
}

/// Opens a node and asks what it is.
fn look(path: &Path) -> Result<(Device, ioctl::Capability)> {
    let look = || {
        let device = Device::with_path(path)?;
        let capability = ioctl::capability(&device)?;
        Ok((device, capability))
    };
    look().map_err(cause).with_context(|| path.display().to_string())
}

/// A video node as the kernel lists it.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    /// As in `/dev`.
    name: String,
    /// The USB device that it is part of, if any.
    usb: Option<Usb>,
}

/// A USB device: what its maker calls it, and where it is plugged in.
#[derive(Debug, PartialEq, Eq)]
struct Usb {
    vendor: u16,
    product: u16,
    serial: Option<String>,
    folder: PathBuf,
}

impl Node {
    /// Tells whether no other device of the same make, with the same serial number or none, is plugged in.
    fn is_alone(&self, nodes: &[Node]) -> bool {
        let make = |usb: &Usb| (usb.vendor, usb.product, usb.serial.clone());
        let Some(own) = &self.usb else { return true };
        nodes
            .iter()
            .filter_map(|node| node.usb.as_ref())
            .all(|usb| usb.folder == own.folder || make(usb) != make(own))
    }

    /// Tells whether a make means this node.
    fn is_called(&self, name: &DeviceName) -> bool {
        let DeviceName::Usb { vendor, product, serial } = name else { return false };
        self.usb.as_ref().is_some_and(|usb| {
            (usb.vendor, usb.product) == (*vendor, *product)
                && serial.as_ref().is_none_or(|serial| usb.serial.as_ref() == Some(serial))
        })
    }
}

/// Lists video nodes, by number.
fn nodes(sysfs: &Path) -> Vec<Node> {
    let folder = sysfs.join("class/video4linux");
    let Ok(entries) = fs::read_dir(&folder) else { return vec![] };
    let mut found: Vec<(u32, Node)> = entries
        .filter_map(|entry| {
            let name = entry.ok()?.file_name().into_string().ok()?;
            let number = name.strip_prefix("video")?.parse().ok()?;
            let usb =
                fs::canonicalize(folder.join(&name).join("device")).ok().and_then(|device| usb(&device));
            Some((number, Node { name, usb }))
        })
        .collect();
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, node)| node).collect()
}

/// Finds the USB device that a device belongs to: the nearest folder above that has a vendor's number.
fn usb(device: &Path) -> Option<Usb> {
    device.ancestors().find_map(|folder| {
        let attribute = |name| fs::read_to_string(folder.join(name)).ok().map(|text| text.trim().to_owned());
        let number = |name| u16::from_str_radix(&attribute(name)?, 16).ok();
        Some(Usb {
            vendor: number("idVendor")?,
            product: number("idProduct")?,
            serial: attribute("serial"),
            folder: folder.to_owned(),
        })
    })
}

/// Returns a name that means this camera and no other, also after a restart.
fn stable_name(path: &Path, node: &Node, nodes: &[Node], bus: &str) -> String {
    let link = |folder: &str| {
        let mut links = fs::read_dir(folder).into_iter().flatten().flatten().map(|link| link.path());
        links.find(|link| fs::canonicalize(link).is_ok_and(|target| target == path))
    };
    // Of two that have all in common, by-id is the one that was plugged in last.
    let alone = node.is_alone(nodes);
    if let Some(link) = link(BY_ID).filter(|_| alone).or_else(|| link(BY_PATH)) {
        return link.display().to_string();
    }
    match &node.usb {
        Some(Usb { vendor, product, serial, .. }) if alone => {
            DeviceName::Usb { vendor: *vendor, product: *product, serial: serial.clone() }.to_string()
        }
        _ => DeviceName::Bus(bus.to_owned()).to_string(),
    }
}

fn offers(device: &Device) -> Vec<Offer> {
    let sizes = |code: &[u8; 4]| {
        let sizes = device.enum_framesizes(FourCC::new(code)).unwrap_or_default();
        let sizes = sizes.into_iter().flat_map(|size| match size.size {
            FrameSizeEnum::Discrete(size) => vec![(size.width, size.height)],
            FrameSizeEnum::Stepwise(size) => {
                vec![(size.min_width, size.min_height), (size.max_width, size.max_height)]
            }
        });
        sizes.collect()
    };
    let codes = ioctl::formats(device).into_iter();
    codes
        .map(|code| Offer {
            format: format::name(code),
            understood: format::PixelFormat::of(code).is_some(),
            sizes: sizes(&code),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_node_knows_the_usb_device_that_it_is_part_of() {
        let sysfs = tempfile::tempdir().unwrap();
        let class = sysfs.path().join("class/video4linux");
        let hub = sysfs.path().join("devices/usb1");
        for (node, device) in [("video10", "1-2"), ("video2", "1-4"), ("v4l-touch0", "1-4")] {
            let interface = hub.join(device).join(format!("{device}:1.0"));
            fs::create_dir_all(interface.join("video4linux").join(node)).unwrap();
            fs::create_dir_all(class.join(node)).unwrap();
            symlink(&interface, class.join(node).join("device")).unwrap();
        }
        for (name, value) in [("idVendor", "046d\n"), ("idProduct", "0825\n"), ("serial", "A1\n")] {
            fs::write(hub.join("1-2").join(name), value).unwrap();
        }
        let folder = fs::canonicalize(hub.join("1-2")).unwrap();
        let usb = Usb { vendor: 0x046d, product: 0x0825, serial: Some("A1".to_owned()), folder };
        assert_eq!(
            nodes(sysfs.path()),
            [
                Node { name: "video2".to_owned(), usb: None },
                Node { name: "video10".to_owned(), usb: Some(usb) }
            ]
        );
        assert!(nodes(&sysfs.path().join("nowhere")).is_empty());
    }

    #[test]
    fn two_of_one_make_are_told_apart_by_their_place() {
        let node = |name: &str, folder: &str, serial: &str| {
            let usb = Usb { vendor: 1, product: 2, serial: Some(serial.to_owned()), folder: folder.into() };
            Node { name: name.to_owned(), usb: Some(usb) }
        };
        // A camera has more than one node.
        let mut nodes = vec![node("video90", "1-1", "0001"), node("video91", "1-1", "0001")];
        let name = |nodes: &[Node]| stable_name(Path::new("/dev/video90"), &nodes[0], nodes, "usb-1");
        assert_eq!(name(&nodes), "usb:0001:0002:0001");
        nodes.push(node("video92", "1-2", "0002"));
        assert_eq!(name(&nodes), "usb:0001:0002:0001", "another serial number is another name");
        nodes.push(node("video93", "1-3", "0001"));
        assert_eq!(name(&nodes), "bus:usb-1");
    }

    #[test]
    fn a_make_or_a_place_that_is_not_there_is_said_to_be_missing_and_one_that_cannot_be_opened_is_not() {
        let nowhere = DeviceName::Bus("nowhere".to_owned());
        let make = |product| DeviceName::Usb { vendor: 0xffff, product, serial: None };
        let folder = tempfile::tempdir().unwrap();
        let (sysfs, dev) = (folder.path().join("sys"), folder.path().join("dev"));
        let missing = |name: &DeviceName| find_in(name, &sysfs, &dev).unwrap_err();
        for name in [&nowhere, &make(1)] {
            assert_eq!(missing(name).to_string(), "it is not there");
        }
        let device = sysfs.join("devices/1-1");
        fs::create_dir_all(sysfs.join("class/video4linux/video7")).unwrap();
        fs::create_dir_all(&device).unwrap();
        symlink(&device, sysfs.join("class/video4linux/video7/device")).unwrap();
        fs::write(device.join("idVendor"), "ffff").unwrap();
        fs::write(device.join("idProduct"), "0001").unwrap();
        // A node that is listed and does not answer as one.
        fs::create_dir(&dev).unwrap();
        fs::write(dev.join("video7"), "").unwrap();
        for name in [&nowhere, &make(1)] {
            let error = format!("{:#}", missing(name));
            assert!(error.starts_with(&format!("{}: ", dev.join("video7").display())), "{error}");
        }
        assert_eq!(missing(&make(2)).to_string(), "it is not there");
    }
}
