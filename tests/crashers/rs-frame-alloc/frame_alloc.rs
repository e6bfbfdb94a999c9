struct Frame {
    kind: u8,
    body: Vec<u8>,
}

struct FrameReader<'a> {
    wire: &'a [u8],
}

impl<'a> FrameReader<'a> {
    fn header(&mut self) -> Option<(u8, u64)> {
        let (header, rest) = self.wire.split_at_checked(9)?;
        self.wire = rest;
        let length = u64::from_be_bytes(header[1..9].try_into().ok()?);
        Some((header[0], length))
    }

    #[inline(never)]
    fn read(&mut self) -> Option<Frame> {
        let (kind, length) = self.header()?;
        let mut body: Vec<u8> = Vec::with_capacity(length as usize); // CRASH
        let take = self.wire.len().min(length as usize);
        body.extend_from_slice(&self.wire[..take]);
        self.wire = &self.wire[take..];
        Some(Frame { kind, body })
    }
}

fn drain(wire: &[u8]) -> usize {
    let mut reader = FrameReader { wire };
    let mut bytes = 0;
    while let Some(frame) = reader.read() {
        bytes += frame.body.len() + usize::from(frame.kind);
    }
    bytes
}

fn main() {
    let mut wire = vec![1u8, 0, 0, 0, 0, 0, 0, 0, 4, b'p', b'i', b'n', b'g'];
    wire.extend_from_slice(&[2, 0x40, 0, 0, 0, 0, 0, 0, 0, b'x']);
    println!("{}", drain(&wire));
}
