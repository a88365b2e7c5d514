//! What the frames hold: a pure function of where they are, so that a reader can check it without being told.

use bytes::Bytes;

/// Most frames one group may hold: a group keeps no more, and drops the oldest without telling the writer.
pub const MAX_FRAMES: usize = 1024;

/// Most bytes one group may hold, for the same reason.
pub const MAX_GROUP_BYTES: usize = 32 * 1024 * 1024;

/// The `size` bytes of frame `frame` of group `group`.
pub fn frame(group: u64, frame: usize, size: usize) -> Bytes {
    let seed = seed(group, frame);
    (0..size).map(|i| seed.wrapping_add(i as u8)).collect()
}

/// Whether `data` is what [`frame`] makes for that place.
pub fn matches(group: u64, frame: usize, data: &[u8]) -> bool {
    let seed = seed(group, frame);
    data.iter().enumerate().all(|(i, byte)| *byte == seed.wrapping_add(i as u8))
}

fn seed(group: u64, frame: usize) -> u8 {
    // Odd factors, so that neighbours in either direction differ.
    (group.wrapping_mul(31) as u8).wrapping_add((frame as u8).wrapping_mul(7))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_matches_its_own_place_only() {
        let data = frame(7, 23, 97);
        assert_eq!(data.len(), 97);
        assert!(matches(7, 23, &data));
        assert!(!matches(8, 23, &data));
        assert!(!matches(7, 22, &data));
    }
}
