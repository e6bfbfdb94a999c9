use std::arch::asm;

struct Digest {
    state: [u64; 4],
    fast: bool,
}

impl Digest {
    fn new(setting: Option<String>) -> Digest {
        Digest { state: [1, 2, 3, 4], fast: setting.map_or(true, |value| value != "portable") }
    }

    #[inline(never)]
    fn block(&mut self, data: &[u8]) -> u64 {
        for (index, byte) in data.iter().enumerate() {
            self.state[index % 4] = self.state[index % 4].rotate_left(5) ^ u64::from(*byte);
        }
        if self.fast && data.len() >= 16 {
            unsafe { asm!("tilezero tmm0") }; // CRASH
        }
        self.state[0] ^ self.state[3]
    }
}

fn digest_all(digest: &mut Digest, parts: &[&str]) -> u64 {
    parts.iter().fold(0, |sum, part| sum ^ digest.block(part.as_bytes()))
}

fn main() {
    let mut digest = Digest::new(std::env::var("DIGEST_PATH").ok());
    println!("{:x}", digest_all(&mut digest, &["header", "a body longer than one lane"]));
}
