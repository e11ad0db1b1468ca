//! placeholder until merge
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AlgorithmId(String);
impl AlgorithmId {
    pub fn parse(t: &str) -> Result<Self, ()> {
        Ok(Self(t.into()))
    }
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    algorithm: AlgorithmId,
    bytes: Vec<u8>,
}
impl Template {
    pub fn new(algorithm: AlgorithmId, bytes: Vec<u8>) -> Result<Self, ()> {
        Ok(Self { algorithm, bytes })
    }
    pub fn algorithm(&self) -> &AlgorithmId {
        &self.algorithm
    }
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}
