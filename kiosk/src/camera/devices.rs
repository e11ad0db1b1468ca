//! The cameras of this machine, and the one that a name means.

use std::fs;
use std::path::{Path, PathBuf};

use ::v4l::Device;
use ::v4l::format::FourCC;
use ::v4l::framesize::FrameSizeEnum;
use ::v4l::video::Capture;
use anyhow::{Result, bail};
use serde::Serialize;

use super::DeviceName;
use super::v4l::{cause, format, ioctl};

/// Where the kernel lists devices.
const SYSFS: &str = "/sys";

/// Where udev keeps names that stay; those by make before those by place.
const STABLE: [&str; 2] = ["/dev/v4l/by-id", "/dev/v4l/by-path"];

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

/// Lists the cameras that this user may open.
pub fn list() -> Vec<Listed> {
    let cameras = nodes(Path::new(SYSFS)).into_iter().filter_map(|node| {
        let path = Path::new("/dev").join(&node.name);
        let device = Device::with_path(&path).ok()?;
        let capability = ioctl::capability(&device).ok().filter(|capability| capability.is_camera)?;
        let id = stable_name(&path, &node, &capability.bus);
        Some(Listed { id, path, name: capability.card, formats: offers(&device) })
    });
    cameras.collect()
}

/// Returns the device node that a name means now.
pub fn find(name: &DeviceName) -> Result<PathBuf> {
    let matches: Vec<PathBuf> = match name {
        DeviceName::Path(path) => return Ok(path.clone()),
        DeviceName::Usb { vendor, product, serial } => nodes(Path::new(SYSFS))
            .into_iter()
            .filter(|node| {
                node.usb.as_ref().is_some_and(|usb| {
                    (usb.vendor, usb.product) == (*vendor, *product)
                        && serial.as_ref().is_none_or(|serial| usb.serial.as_ref() == Some(serial))
                })
            })
            .map(|node| Path::new("/dev").join(node.name))
            .filter(|path| capability(path).is_ok_and(|capability| capability.is_camera))
            .collect(),
        DeviceName::Bus(place) => nodes(Path::new(SYSFS))
            .into_iter()
            .map(|node| Path::new("/dev").join(node.name))
            .filter(|path| {
                capability(path).is_ok_and(|capability| capability.is_camera && capability.bus == *place)
            })
            .collect(),
    };
    match matches.as_slice() {
        [] => bail!("it is not there"),
        [path] => Ok(path.clone()),
        several => bail!(
            "{} cameras are called that; `kiosk cameras` shows names that tell them apart",
            several.len()
        ),
    }
}

fn capability(path: &Path) -> Result<ioctl::Capability> {
    let device = Device::with_path(path).map_err(cause)?;
    ioctl::capability(&device).map_err(cause)
}

/// A video node as the kernel lists it.
#[derive(Debug, PartialEq, Eq)]
struct Node {
    /// As in `/dev`.
    name: String,
    /// The USB device that it is part of, if any.
    usb: Option<Usb>,
}

#[derive(Debug, PartialEq, Eq)]
struct Usb {
    vendor: u16,
    product: u16,
    serial: Option<String>,
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
        Some(Usb { vendor: number("idVendor")?, product: number("idProduct")?, serial: attribute("serial") })
    })
}

fn stable_name(path: &Path, node: &Node, bus: &str) -> String {
    let links = STABLE.iter().flat_map(|folder| fs::read_dir(folder).into_iter().flatten().flatten());
    let mut links = links.map(|link| link.path());
    if let Some(link) = links.find(|link| fs::canonicalize(link).is_ok_and(|target| target == path)) {
        return link.display().to_string();
    }
    match &node.usb {
        Some(Usb { vendor, product, serial }) => {
            DeviceName::Usb { vendor: *vendor, product: *product, serial: serial.clone() }.to_string()
        }
        None => DeviceName::Bus(bus.to_owned()).to_string(),
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
        let usb = Usb { vendor: 0x046d, product: 0x0825, serial: Some("A1".to_owned()) };
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
    fn a_make_or_a_place_that_is_not_there_is_said_to_be_missing() {
        for name in [
            DeviceName::Usb { vendor: 0xffff, product: 0xffff, serial: None },
            DeviceName::Bus("nowhere".to_owned()),
        ] {
            assert_eq!(find(&name).unwrap_err().to_string(), "it is not there");
        }
    }
}
