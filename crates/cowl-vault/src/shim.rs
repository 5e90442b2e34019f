#![allow(missing_docs, unreachable_pub, dead_code)]
pub mod chaotic { pub fn encrypt_bytes(_: &[u8;32], b:&[u8])->Vec<u8>{b.to_vec()} pub fn decrypt_bytes(_: &[u8;32], b:&[u8])->Result<Vec<u8>,String>{Ok(b.to_vec())} }
pub mod container {
 #[derive(Clone,Copy,PartialEq,Eq,Debug)] pub enum StorageCodec{None,Zstd,Live,Archive,Dct{quality:u8}}
 impl StorageCodec{ pub fn id(self)->u8{match self{Self::None=>0,Self::Zstd=>1,Self::Live=>2,Self::Archive=>3,Self::Dct{..}=>4}} pub fn from_id(i:u8)->Option<Self>{match i{0=>Some(Self::None),1=>Some(Self::Zstd),_=>None}} pub fn name(self)->&'static str{"x"} }
 pub struct Lossy{pub bytes:Vec<u8>,pub decoded:Vec<u8>,pub psnr:f64}
 pub fn encode(c:StorageCodec,b:&[u8])->(StorageCodec,Vec<u8>){ match c { StorageCodec::None=>(c,b.to_vec()), _=>{ let z=zstd::bulk::compress(b,1).unwrap_or_default(); if z.len()<b.len(){(StorageCodec::Zstd,z)}else{(StorageCodec::None,b.to_vec())}}} }
 pub fn decode(c:StorageCodec,b:Vec<u8>,size:u64)->Result<Vec<u8>,String>{ match c{StorageCodec::None=>Ok(b),_=>zstd::bulk::decompress(&b,size as usize).map_err(|e|e.to_string())} }
 pub fn encode_dct(_:&[u8],_:u8)->Result<Lossy,String>{Err("x".into())}
}
pub mod dicom { pub struct L{pub study_date:Option<String>,pub study_instance_uid:String,pub series_instance_uid:String,pub sop_instance_uid:String,pub modality:String,pub study_description:String,pub series_description:String}
 pub fn label(_:&[u8])->Result<L,String>{Err("x".into())} pub fn structured_report_text(_:&[u8])->Option<String>{None} }
