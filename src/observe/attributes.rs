//! Attributes of netlink messages, as both of its families have them.

/// Kind and value of each attribute. (The highest two bits of a kind are flags.)
pub fn each(mut attributes: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let length = usize::from(u16::from_ne_bytes(attributes.get(..2)?.try_into().ok()?));
        let kind = u16::from_ne_bytes(attributes.get(2..4)?.try_into().ok()?) & 0x3fff;
        let value = attributes.get(4..length)?;
        attributes = attributes.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, value))
    })
}

pub fn find(attributes: &[u8], kind: u16) -> Option<&[u8]> {
    each(attributes).find(|(own, _)| *own == kind).map(|(_, value)| value)
}

/// A number in network order, as nf_tables has its numbers, and the routing family has not.
pub fn number(attributes: &[u8], kind: u16) -> Option<u32> {
    Some(u32::from_be_bytes(find(attributes, kind)?.try_into().ok()?))
}

pub fn text(attributes: &[u8], kind: u16) -> Option<&str> {
    std::str::from_utf8(find(attributes, kind)?).ok().map(|text| text.trim_end_matches('\0'))
}
