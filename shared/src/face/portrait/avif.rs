//! The boxes of an AVIF file (ISO/IEC 14496-12 §8.11, ISO/IEC 23008-12): where the one picture is, and how large.

use super::{UnusablePortrait, check_portrait_size};
use crate::portrait::PortraitFormat;

/// The most pieces that an item is in: encoders write one.
const MAX_EXTENTS: u64 = 16;

const DAMAGED: UnusablePortrait = UnusablePortrait::Damaged;
const UNSUPPORTED: UnusablePortrait = UnusablePortrait::Unsupported(PortraitFormat::Avif);

/// Finds the AV1 temporal unit of the picture in an AVIF file: one coded picture, neither turned, mirrored, cropped, nor
/// put together from others.
///
/// # Errors
/// Other pictures, damaged files, and more than 1024 pixels a side, as far as the file says how large it is.
pub fn avif_still(file: &[u8]) -> Result<Vec<u8>, UnusablePortrait> {
    let meta = find(file, b"meta")?;
    let meta = full_box(meta)?.1;
    let item = primary_item(find(meta, b"pitm")?)?;
    if item_type(find(meta, b"iinf")?, item)? != *b"av01" {
        return Err(UNSUPPORTED);
    }
    check_portrait_size(size(find(meta, b"iprp")?, item)?)?;
    location(find(meta, b"iloc")?, item)?.read(file, meta)
}

/// Bytes that are taken from the front.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], UnusablePortrait> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(DAMAGED)?;
        self.0 = rest;
        Ok(taken)
    }

    /// A big-endian number of 0 to 8 bytes.
    fn number(&mut self, bytes: usize) -> Result<u64, UnusablePortrait> {
        let bytes = self.take(bytes)?;
        Ok(bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
    }

    fn fourcc(&mut self) -> Result<[u8; 4], UnusablePortrait> {
        self.take(4)?.try_into().map_err(|_| DAMAGED)
    }

    /// A box: its type and what is in it.
    fn next_box(&mut self) -> Result<([u8; 4], &'a [u8]), UnusablePortrait> {
        let (before, size, kind) = (self.0.len(), self.number(4)?, self.fourcc()?);
        let size = match size {
            0 => before as u64,
            1 => self.number(8)?,
            size => size,
        };
        let header = before - self.0.len();
        let body = usize::try_from(size).ok().and_then(|size| size.checked_sub(header)).ok_or(DAMAGED)?;
        Ok((kind, self.take(body)?))
    }
}

/// The first box of a kind.
fn find<'a>(boxes: &'a [u8], kind: &[u8; 4]) -> Result<&'a [u8], UnusablePortrait> {
    let mut reader = Reader(boxes);
    loop {
        let (found, body) = reader.next_box()?;
        if found == *kind {
            return Ok(body);
        }
    }
}

/// Version, flags, and the rest of a full box.
fn full_box(body: &[u8]) -> Result<((u64, u64), &[u8]), UnusablePortrait> {
    let mut reader = Reader(body);
    Ok(((reader.number(1)?, reader.number(3)?), reader.0))
}

fn primary_item(pitm: &[u8]) -> Result<u64, UnusablePortrait> {
    let ((version, _), body) = full_box(pitm)?;
    Reader(body).number(if version == 0 { 2 } else { 4 })
}

fn item_type(iinf: &[u8], item: u64) -> Result<[u8; 4], UnusablePortrait> {
    let ((version, _), body) = full_box(iinf)?;
    let mut entries = Reader(body);
    for _ in 0..entries.number(if version == 0 { 2 } else { 4 })? {
        let (_, entry) = entries.next_box()?;
        let ((version, _), entry) = full_box(entry)?;
        let mut entry = Reader(entry);
        let wide = match version {
            2 => 2,
            3 => 4,
            _ => return Err(UNSUPPORTED),
        };
        let (id, protection) = (entry.number(wide)?, entry.number(2)?);
        if id == item {
            return if protection == 0 { entry.fourcc() } else { Err(UNSUPPORTED) };
        }
    }
    Err(DAMAGED)
}

/// The size of an item, from its properties.
fn size(iprp: &[u8], item: u64) -> Result<(u32, u32), UnusablePortrait> {
    let mut properties = Vec::new();
    let mut boxes = Reader(find(iprp, b"ipco")?);
    while !boxes.0.is_empty() {
        properties.push(boxes.next_box()?);
    }
    let ((version, flags), body) = full_box(find(iprp, b"ipma")?)?;
    let mut entries = Reader(body);
    let mut size = None;
    for _ in 0..entries.number(4)? {
        let id = entries.number(if version == 0 { 2 } else { 4 })?;
        for _ in 0..entries.number(1)? {
            // The first bit says whether the property is essential.
            let index = match flags & 1 {
                0 => entries.number(1)? & 0x7f,
                _ => entries.number(2)? & 0x7fff,
            };
            if id != item {
                continue;
            }
            // Counted from 1; 0 is no property.
            let property =
                usize::try_from(index).ok().and_then(|index| properties.get(index.checked_sub(1)?));
            match property.map(|(kind, body)| (kind, *body)) {
                Some((b"ispe", body)) => {
                    let mut ispe = Reader(full_box(body)?.1);
                    let mut side = || u32::try_from(ispe.number(4)?).map_err(|_| DAMAGED);
                    size = Some((side()?, side()?));
                }
                Some((b"irot" | b"imir" | b"clap" | b"lsel" | b"a1op", _)) => {
                    return Err(UNSUPPORTED);
                }
                _ => {}
            }
        }
    }
    size.ok_or(DAMAGED)
}

/// Where the bytes of an item are.
struct Location {
    /// In the `idat` box, and not in the file.
    in_meta: bool,
    /// Offset and length; a length of 0 reaches to the end.
    extents: Vec<(u64, u64)>,
}

impl Location {
    fn read(&self, file: &[u8], meta: &[u8]) -> Result<Vec<u8>, UnusablePortrait> {
        let source = if self.in_meta { find(meta, b"idat")? } else { file };
        let mut data = Vec::new();
        for (offset, length) in &self.extents {
            let rest =
                usize::try_from(*offset).ok().and_then(|offset| source.get(offset..)).ok_or(DAMAGED)?;
            let length = if *length == 0 { rest.len() as u64 } else { *length };
            data.extend(usize::try_from(length).ok().and_then(|length| rest.get(..length)).ok_or(DAMAGED)?);
            // Extents may overlap, and still make no more than a file of their own.
            if data.len() > file.len() {
                return Err(DAMAGED);
            }
        }
        Ok(data)
    }
}

fn location(iloc: &[u8], item: u64) -> Result<Location, UnusablePortrait> {
    let ((version, _), body) = full_box(iloc)?;
    if version > 2 {
        return Err(UNSUPPORTED);
    }
    let mut entries = Reader(body);
    let sizes = entries.number(2)?;
    let nibble = |place: u32| usize::try_from(sizes >> (4 * place) & 15).map_err(|_| DAMAGED);
    let (offset_size, length_size, base_size) = (nibble(3)?, nibble(2)?, nibble(1)?);
    let index_size = if version == 0 { 0 } else { nibble(0)? };
    let sizes = [offset_size, length_size, base_size, index_size];
    if sizes.iter().any(|size| ![0, 4, 8].contains(size)) {
        return Err(DAMAGED);
    }
    let wide = if version < 2 { 2 } else { 4 };
    for _ in 0..entries.number(wide)? {
        let id = entries.number(wide)?;
        let method = if version == 0 { 0 } else { entries.number(2)? & 15 };
        let elsewhere = entries.number(2)?;
        let base = entries.number(base_size)?;
        let (mut extents, count) = (Vec::new(), entries.number(2)?);
        if count > MAX_EXTENTS {
            return Err(UNSUPPORTED);
        }
        for _ in 0..count {
            entries.number(index_size)?;
            let offset = base.checked_add(entries.number(offset_size)?).ok_or(DAMAGED)?;
            extents.push((offset, entries.number(length_size)?));
        }
        if id == item {
            return match (method, elsewhere) {
                (0 | 1, 0) => Ok(Location { in_meta: method == 1, extents }),
                _ => Err(UNSUPPORTED),
            };
        }
    }
    Err(DAMAGED)
}
