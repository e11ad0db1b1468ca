//! Reason codes: why a visit ended as it did, in a form that never changes between releases.
//!
//! The table here has the code, the kind of answer and the meaning; `reason/` has one file per language with what the
//! operator reads. A reason that lacks any of them does not compile.

mod en;
mod pt;
mod zh_hans;
mod zh_hant;

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

/// What kind of answer a reason is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// Everything the policy asks for was shown to be true.
    Accepted,
    /// Something was shown to be false: the gate stays shut.
    Refused,
    /// Nothing was shown to be false, but not everything could be checked: an officer decides.
    Unanswered,
}

/// A language that operators read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Chinese in simplified characters.
    ZhHans,
    /// Chinese in traditional characters.
    ZhHant,
    /// Portuguese.
    Pt,
}

/// A text that names no language spoken here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the languages are en, zh-Hans, zh-Hant and pt")]
pub struct LanguageError;

impl Language {
    /// Every language.
    pub const ALL: [Language; 4] = [Self::En, Self::ZhHans, Self::ZhHant, Self::Pt];

    /// Returns the tag (BCP 47).
    pub fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::ZhHans => "zh-Hans",
            Self::ZhHant => "zh-Hant",
            Self::Pt => "pt",
        }
    }
}

impl FromStr for Language {
    type Err = LanguageError;

    /// Reads a tag (BCP 47), with a region or without: `pt-PT` is Portuguese, and Chinese without a script is written
    /// as in its region (`zh-TW`, `zh-HK` and `zh-MO` traditionally, all else simplified).
    fn from_str(tag: &str) -> Result<Self, LanguageError> {
        let tag = tag.to_ascii_lowercase();
        let mut subtags = tag.split('-');
        match subtags.next() {
            Some("en") => Ok(Self::En),
            Some("pt") => Ok(Self::Pt),
            Some("zh") => Ok(match subtags.next() {
                Some("hant" | "tw" | "hk" | "mo") => Self::ZhHant,
                _ => Self::ZhHans,
            }),
            _ => Err(LanguageError),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.tag())
    }
}

/// What the operator reads, in one language.
struct Words {
    /// What happened.
    sentence: &'static str,
    /// What to do about it.
    action: &'static str,
}

macro_rules! reasons {
    ($($(#[$group:meta])* $variant:ident $answer:ident $code:literal $meaning:literal)*) => {
        /// Why a visit ended as it did.
        ///
        /// Codes are stable; sentences are for the operator and hold no personal data.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Reason { $(#[doc = $meaning] $variant,)* }

        impl Reason {
            /// Every reason, by what it is about. `docs/format.md` §5 has the order of the checks.
            pub const ALL: &[Reason] = &[$(Reason::$variant),*];

            /// Returns the stable code, `area.what`.
            pub fn code(self) -> &'static str {
                match self { $(Reason::$variant => $code),* }
            }

            /// Returns the reason of a code.
            pub fn from_code(code: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|reason| reason.code() == code)
            }

            /// Returns what exactly was found, in English, for those who read logs or write integrations.
            pub fn meaning(self) -> &'static str {
                match self { $(Reason::$variant => $meaning),* }
            }

            /// Returns whether this is a yes, a no, or neither.
            pub fn answer(self) -> Answer {
                match self { $(Reason::$variant => Answer::$answer),* }
            }
        }
    };
}

impl Reason {
    /// Returns the sentence shown to the operator.
    pub fn sentence(self, language: Language) -> &'static str {
        self.words(language).sentence
    }

    /// Returns what the operator does.
    pub fn action(self, language: Language) -> &'static str {
        self.words(language).action
    }

    fn words(self, language: Language) -> Words {
        match language {
            Language::En => en::words(self),
            Language::ZhHans => zh_hans::words(self),
            Language::ZhHant => zh_hant::words(self),
            Language::Pt => pt::words(self),
        }
    }
}

reasons! {
    Accepted Accepted "accepted"
        "Every check that the policy asks for was made, and all of them passed."

    ImageUnreadable Unanswered "image.unreadable"
        "A picture file is missing, is not JPEG or PNG, is damaged, or is larger than is decoded."
    NoSymbol Unanswered "qr.no_symbol"
        "No finder patterns of a QR symbol (ISO/IEC 18004) were found in the frame or picture."
    SymbolUnreadable Refused "qr.unreadable"
        "Finder patterns are there, but error correction could not restore the content of the symbol."
    SeveralSymbols Unanswered "qr.several_symbols"
        "More than one symbol was read in one frame or picture; none of them was verified."

    TextTooLong Refused "text.too_long"
        "The text of the symbol is longer than the 4296 characters that any symbol can hold."
    TextNotBase45 Refused "text.not_base45"
        "The text of the symbol is not Base45 (RFC 9285): a web link, a payment code or another kind of code."
    TextForeign Refused "text.foreign"
        "The text is Base45, but its first byte announces no content that this format knows."
    TextCompression Refused "text.compression"
        "The zlib stream (RFC 1950) is damaged, is followed by more bytes, or inflates beyond the limit."
    TextEncrypted Unanswered "text.encrypted"
        "The content is a COSE_Encrypt0 (RFC 9052 §5.2), and none of the sector keys on this kiosk is the \
         one it names."
    TextDecryption Refused "text.decryption"
        "The sector key is here, but the ciphertext does not authenticate (COSE-HPKE): it was altered after \
         encryption."
    FormatCbor Refused "format.cbor"
        "The bytes are not CBOR in the deterministic form (RFC 8949 §4.2.1) that this format requires."
    FormatTrailingBytes Refused "format.trailing_bytes"
        "Bytes follow the end of the outermost CBOR item."
    FormatStructure Refused "format.structure"
        "The CBOR is sound, but it is not the COSE_Sign1 (RFC 9052 §4.2) with the headers and claims that \
         this format requires."
    FormatAlgorithm Refused "format.algorithm"
        "The protected header names a COSE algorithm that this version does not verify."
    FormatCritical Refused "format.critical"
        "The `crit` header (RFC 9052 §3.1) lists a header parameter that this version does not process."
    FormatDisclosure Refused "format.disclosure"
        "A disclosure (SD-CWT) whose digest is not among those that the issuer signed, or one that is \
         malformed."
    FormatKey Refused "format.key"
        "The key in `cnf` (RFC 8747) is of an unknown kind, malformed, not in its only encoding, or a weak \
         point of the curve."

    PurposeUnknown Unanswered "policy.purpose_unknown"
        "The trust repository holds no signed policy for the purpose that the kiosk was asked to decide for."
    DialectNotAccepted Refused "policy.dialect_not_accepted"
        "The credential is of a kind (this format, Claim 169, SD-CWT, another scheme) that the purpose's \
         policy does not list."
    IssuerUnknown Refused "issuer.unknown"
        "No agency in the trust repository speaks for the issuer URI (`iss`) of the credential."
    IssuerKeyUnknown Refused "issuer.key_unknown"
        "The issuer is in the trust repository, but none of its keys has the key identifier (`kid`) of the \
         credential."
    IssuerKeyNotValid Refused "issuer.key_not_valid"
        "The time of issue (`iat`) lies outside the validity that the trust repository gives the issuer's \
         key."
    IssuerKeyRevoked Refused "issuer.key_revoked"
        "The trust repository lists the key as compromised, and the credential says that it was issued after \
         that."
    CredentialSignature Refused "credential.signature"
        "The issuer's signature does not verify with any key of that issuer that has this key identifier."
    CredentialNoExpiry Refused "credential.no_expiry"
        "The credential has no `exp` claim, which this format requires."
    CredentialExpired Refused "credential.expired"
        "The time of the check is at or after `exp` (RFC 8392 §3.1.4)."
    CredentialNotYetValid Refused "credential.not_yet_valid"
        "The time of the check is before `nbf` or `iat` (RFC 8392 §3.1.5), beyond the leeway."
    CredentialPurpose Refused "credential.wrong_purpose"
        "The audience (`aud`) of the credential is not the purpose that the kiosk decides for."
    CredentialClaimMissing Refused "credential.claim_missing"
        "The credential lacks an attribute that the purpose's policy lists under `require`."
    StatusRevoked Refused "status.revoked"
        "The issuer's signed status list holds 1 (invalid) at the credential's place (Token Status List \
         §7.1)."
    StatusSuspended Refused "status.suspended"
        "The issuer's signed status list holds 2 (suspended) at the credential's place (Token Status List \
         §7.1)."
    StatusOutOfRange Refused "status.out_of_range"
        "The place that the credential names does not exist in the issuer's signed status list."
    StatusUnknown Unanswered "status.unknown"
        "The trust repository holds no verified status list of that URI from that issuer; or the list says 3 or more at the \
         credential's place, or is dated in the future."
    StatusExpired Unanswered "status.expired"
        "The status list is here and verified, but its own `exp` has passed."

    ProofMissing Refused "proof.missing"
        "The credential names a holder key (`cnf`), or came as a rotating code does, and no proof came with it."
    PaperNotAccepted Refused "proof.paper_not_accepted"
        "The credential names no holder key, and the purpose's policy takes none without one."
    ProofSignature Refused "proof.signature"
        "The proof's signature does not verify with the holder key that the issuer put into the credential."
    ProofAudience Refused "proof.wrong_audience"
        "The audience (`aud`) of the proof is none of those in the purpose's policy, nor that of the challenge shown."
    ChallengeMissing Refused "proof.challenge_missing"
        "The lane asks for an answer to its own challenge, and the proof carries no `cnonce`, or the credential is on paper \
         and has no proof."
    ChallengeWrong Refused "proof.wrong_challenge"
        "The proof's `cnonce` is not the challenge that this lane shows in this visit."
    ProofWindow Refused "proof.window"
        "The proof's `exp` minus `iat` is not 1 to 30 seconds, or the proof reaches outside the \
         credential's life."
    ProofExpired Refused "proof.expired"
        "The time of the check is at or after the proof's `exp`, or the proof is older than the policy \
         allows."
    ProofNotYetValid Refused "proof.not_yet_valid"
        "The proof's `iat` is later than the time of the check by more than clocks may differ."
    ProofReplayed Refused "proof.replayed"
        "A proof over these very bytes was accepted before, by this kiosk or a lane that shares its memory, \
         within its life."
    ProofSiteUnreachable Unanswered "proof.site_unreachable"
        "The purpose's policy wants proofs to be new at the whole site (`replay_scope: site`), and the site's memory of used \
         proofs gave no answer in its budget. The proof counts as unused."

    SealGenuine Unanswered "seal.genuine"
        "A certificate of another scheme whose signature and expiry are good; nothing ties it to who \
         presents it."
    SealFormat Refused "seal.format"
        "A certificate of another scheme whose encoding or required fields are wrong."
    SealIssuerUnknown Refused "seal.issuer_unknown"
        "The certificate of another scheme names a signer that is not in the trust repository."
    SealSignature Refused "seal.signature"
        "The signature of a certificate of another scheme does not verify with its signer's key."
    SealExpired Refused "seal.expired"
        "The time of the check is outside the validity of the other scheme's certificate, or of its \
         signer's certificate."

    VerifierSilent Unanswered "verify.no_answer"
        "The session asked for verification and no answer came within its limit."
    ClockTampered Unanswered "clock.tampered"
        "The kiosk's clock reads earlier than the floor that threshold-signed metadata set, beyond the \
         leeway."
    ClockUnsure Unanswered "clock.unsure"
        "The kiosk's clock may be wrong by more than `[clock] max_error_seconds`, or nothing says by how much; all but the \
         time was right, or the time alone was wrong."
    TrustMissing Unanswered "trust.missing"
        "The state folder is not provisioned, cannot be opened, or holds no verified trust repository."
    TrustInvalid Unanswered "trust.invalid"
        "A signature, version, hash or rule of the trust repository failed when it was read from its root."
    TrustStale Unanswered "trust.stale"
        "A role of the trust repository has expired; the policy's grace still runs and does not allow \
         deciding alone."
    TrustDead Unanswered "trust.dead"
        "A role of the trust repository has expired and the policy's grace is over."

    FaceNotCaptured Unanswered "face.not_captured"
        "The credential verified; no usable face came before the camera in the time allowed."
    FaceNone Unanswered "face.none"
        "The detector found no face in the picture."
    FaceSeveral Unanswered "face.several"
        "The detector found more than one face that is large enough to count."
    FaceQuality Unanswered "face.quality"
        "One face was found, and a measure of its quality (size, pose, light, sharpness, visibility) is \
         below the limit."
    FaceOfficer Unanswered "face.officer"
        "The purpose's policy leaves the face to an officer (`face: officer`)."
    FaceNoTemplate Unanswered "face.no_template"
        "The credential carries neither a face template nor a portrait, and the policy asks for a comparison."
    FacePortrait Unanswered "face.portrait"
        "No template could be made of the portrait: a format that is not decoded, damage, no face, or one \
         that is too poor."
    FaceUnsupported Unanswered "face.unsupported"
        "The template's algorithm is of none of the embedders that are loaded."
    FaceModelRefused Unanswered "face.model_refused"
        "The policy does not list the template's algorithm, or the embedder was not measured at the \
         policy's false match rate."
    FaceChallenge Unanswered "face.challenge"
        "The face matched, but the turn or step that the screen asked for was not seen in time, or not from \
         the same face."
    FaceModels Unanswered "face.models"
        "A model file is missing, has another hash than the manifest says, does not load, or failed while \
         running."
    FaceAttack Refused "face.attack"
        "The attack score is below its threshold, and the policy refuses then (ISO/IEC 30107-3)."
    FaceNonMatch Refused "face.non_match"
        "The comparison score is below the threshold for the policy's false match rate."
    CameraFailed Unanswered "camera.failed"
        "The camera returned an error, or no frame within the limit."
    JournalFailed Unanswered "journal.failed"
        "The decision would have been yes, and its row could not be written into the kiosk's journal, or the proof into its \
         memory of used ones."
    GateFailed Unanswered "gate.failed"
        "The gate cannot be reached, or did not say within the limit what became of an opening."
    GateForced Unanswered "gate.forced"
        "The gate was opened without having been told to."
    LaneClosed Unanswered "lane.closed"
        "An operator closed the lane."
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Reason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::{HashMap, HashSet};

    /// Common characters that differ between the scripts, simplified before traditional.
    const PAIRS: &str = "证證码碼签簽发發认認识識读讀请請转轉为為这這个個与與时時对對过過还還应應该該说說话話\
        见見视視觉覺规規机機构構关關开開门門间間闭閉问問题題无無现現实實显顯单單据據数數术術状狀态態缩縮压壓\
        损損坏壞类類样樣权權钥鑰钱錢错錯误誤检檢测測验驗核核绑綁纸紙结結继繼续續级級经經统統给給维維网網络絡\
        输輸进進运運远遠连連适適选選边邊达達没沒决決准準图圖画畫场場处處备備复復头頭夹夾奖獎妈媽学學宁寧宝寶\
        审審导導专專业業东東两兩严嚴个個丰豐临臨丽麗举舉义義乌烏乐樂乔喬习習书書买買乱亂争爭亏虧云雲产產亲親\
        仅僅从從仓倉仪儀们們价價众眾优優会會伟偉传傳伤傷伪偽体體余餘侧側侨僑储儲儿兒党黨兰蘭兴興养養兽獸内內\
        册冊写寫军軍农農冲衝况況冻凍净淨减減凑湊凤鳳凭憑击擊划劃则則创創删刪别別办辦务務动動劳勞势勢匀勻区區\
        医醫华華协協卖賣卢盧卫衛历歷厂廠厅廳县縣参參双雙变變叶葉号號吗嗎听聽启啟员員响響团團园園围圍国國圆圓\
        声聲壳殼壶壺够夠夺奪妇婦孙孫宽寬宾賓层層属屬岁歲岛島币幣师師帐帳带帶帮幫库庫庆慶庄莊异異弃棄张張弯彎\
        强強归歸录錄彻徹径徑忆憶怀懷总總恶惡惯慣户戶扫掃扩擴护護报報担擔拥擁择擇挂掛换換摄攝敌敵斗鬥旧舊显顯\
        晓曉暂暫条條来來极極标標栏欄树樹档檔桥橋楼樓横橫欢歡残殘毁毀气氣汇匯汉漢汤湯沟溝泪淚洁潔济濟渐漸湿濕\
        满滿滚滾灭滅灯燈灵靈热熱爱愛独獨环環电電确確离離种種称稱积積窃竊笔筆筛篩紧緊红紅约約纯純纳納线線练練\
        组組细細终終绍紹绝絕绿綠绪緒编編罗羅职職联聯脑腦脚腳脸臉脱脫艺藝节節获獲虑慮虽雖补補装裝观觀触觸订訂\
        计計订訂训訓议議记記讲講许許论論设設访訪诉訴词詞试試详詳询詢误誤调調谁誰谈談谢謝货貨质質贴貼贵貴费費\
        资資赶趕车車轻輕较較辑輯辞辭迁遷违違迟遲递遞遗遺邮郵邻鄰郑鄭释釋针針钟鐘铁鐵银銀锁鎖长長闪閃阅閱队隊\
        阳陽阴陰际際陆陸险險随隨难難雾霧静靜面面页頁项項顺順须須顾顧领領频頻颜顏额額风風飞飛饭飯馆館首首驳駁\
        驾駕骗騙鱼魚鸟鳥黄黃齐齊龙龍";

    /// Splits the pairs into the characters that only one script has.
    fn only() -> (HashSet<char>, HashSet<char>) {
        let characters: Vec<char> = PAIRS.chars().filter(|c| !c.is_whitespace()).collect();
        let pairs = characters.chunks_exact(2).filter(|pair| pair[0] != pair[1]);
        pairs.map(|pair| (pair[0], pair[1])).unzip()
    }

    fn texts(language: Language) -> impl Iterator<Item = (Reason, &'static str)> {
        Reason::ALL.iter().flat_map(move |reason| {
            [(*reason, reason.sentence(language)), (*reason, reason.action(language))]
        })
    }

    #[test]
    fn codes_are_unique_and_well_formed() {
        let codes: HashSet<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(codes.len(), Reason::ALL.len());
        for code in codes {
            assert!(
                code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._".contains(c)),
                "{code}"
            );
        }
        assert_eq!(Reason::ALL.iter().filter(|reason| reason.answer() == Answer::Accepted).count(), 1);
    }

    #[test]
    fn everything_is_said_and_ends_as_a_sentence_does() {
        for language in Language::ALL {
            let (stop, least) = match language {
                Language::En | Language::Pt => ('.', 12),
                Language::ZhHans | Language::ZhHant => ('。', 3),
            };
            for (reason, text) in texts(language) {
                assert!(text.ends_with(stop) && text.chars().count() > least, "{language} {reason}: {text}");
                assert!(
                    text.trim() == text && !text.contains("  ") && !text.contains('|'),
                    "{language} {reason}"
                );
            }
        }
        for reason in Reason::ALL {
            assert!(reason.meaning().ends_with('.') && reason.meaning().len() > 20, "{reason}");
        }
        let meanings: HashSet<_> = Reason::ALL.iter().map(|reason| reason.meaning()).collect();
        assert_eq!(meanings.len(), Reason::ALL.len(), "two reasons mean the same");
    }

    #[test]
    fn sentences_are_told_apart_as_in_english() {
        for language in Language::ALL {
            let mut first: HashMap<&str, Reason> = HashMap::new();
            for reason in Reason::ALL.iter().copied() {
                let other = *first.entry(reason.sentence(language)).or_insert(reason);
                assert_eq!(
                    other.sentence(Language::En),
                    reason.sentence(Language::En),
                    "{language} {reason}"
                );
            }
        }
    }

    #[test]
    fn each_language_is_written_in_its_own_script() {
        let (simplified, traditional) = only();
        assert!(simplified.is_disjoint(&traditional) && simplified.len() > 300);
        let stray = |language, foreign: &HashSet<char>| {
            texts(language).find(|(_, text)| text.chars().any(|c| foreign.contains(&c)))
        };
        assert_eq!(stray(Language::ZhHans, &traditional), None);
        assert_eq!(stray(Language::ZhHant, &simplified), None);
        let chinese = |c: char| ('\u{4e00}'..='\u{9fff}').contains(&c);
        for reason in Reason::ALL {
            assert!(reason.sentence(Language::ZhHans) != reason.sentence(Language::ZhHant), "{reason}");
            for language in [Language::En, Language::Pt] {
                assert!(!reason.sentence(language).chars().any(chinese), "{language} {reason}");
            }
            assert!(reason.sentence(Language::En) != reason.sentence(Language::Pt), "{reason}");
        }
        for language in [Language::ZhHans, Language::ZhHant] {
            for (reason, text) in texts(language) {
                assert!(text.chars().filter(|c| chinese(*c)).count() >= 3, "{language} {reason}");
                assert!(
                    !text.contains([',', ';', ':', '!', '?']),
                    "half-width punctuation: {language} {reason}"
                );
            }
        }
    }

    #[test]
    fn tags_are_read_with_and_without_a_region() {
        for language in Language::ALL {
            assert_eq!(language.tag().parse(), Ok(language));
        }
        for (tag, language) in [
            ("zh", Language::ZhHans),
            ("zh-CN", Language::ZhHans),
            ("zh-Hans-HK", Language::ZhHans),
            ("zh-HK", Language::ZhHant),
            ("ZH-mo", Language::ZhHant),
            ("zh-Hant-TW", Language::ZhHant),
            ("pt-PT", Language::Pt),
            ("en-GB", Language::En),
        ] {
            assert_eq!(tag.parse(), Ok(language), "{tag}");
        }
        for tag in ["", "-", "fr", "english", "pt_PT"] {
            assert_eq!(tag.parse::<Language>(), Err(LanguageError), "{tag}");
        }
    }
}
