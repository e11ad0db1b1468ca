//! What the operator reads, in Traditional Chinese, as used in Hong Kong and Macau, and understood in Taiwan.

use super::{Reason, Words};

/// Returns the sentence, and what the operator does.
pub(super) fn words(reason: Reason) -> Words {
    let (sentence, action) = match reason {
        Reason::Accepted => ("憑證真實、有效，且由持有人本人出示。", "請放行。"),

        Reason::ImageUnreadable => ("無法開啟圖片。", "請重新拍攝，或另選一個檔案。"),
        Reason::NoSymbol => ("畫面中沒有找到二維碼。", "請對方調亮手機螢幕，把二維碼正對攝影機。"),
        Reason::SymbolUnreadable => (
            "看到了二維碼但無法讀取：圖像破損或被遮擋。",
            "請對方擦淨螢幕、露出完整的碼並拿穩；仍讀不出則轉人工核驗。",
        ),
        Reason::SeveralSymbols => {
            ("畫面中有多個二維碼：請只出示一個。", "請每次只出示一個碼，其他手機請移開。")
        }

        Reason::TextTooLong => {
            ("碼中的內容超過了任何身份碼的長度。", "請對方開啟身份錢包，出示其中的身份碼。")
        }
        Reason::TextNotBase45 => ("這不是數碼身份碼。", "請對方開啟身份錢包，出示其中的身份碼。"),
        Reason::TextForeign => {
            ("此碼的寫法與身份碼相同，但內容類型不明。", "請對方開啟身份錢包，出示其中的身份碼。")
        }
        Reason::TextCompression => {
            ("碼已損壞：壓縮內容無法解開。", "請對方重新出示或另換一份列印本；仍失敗則轉人工核驗。")
        }
        Reason::TextEncrypted => {
            ("碼已加密，本終端機沒有對應的密鑰。", "請轉人工核驗，並通知技術人員本終端機缺少行業密鑰。")
        }
        Reason::TextDecryption => (
            "碼已加密，但其中的內容被改動或已損壞。",
            "請對方等下一個碼再出示；仍失敗則不要放行，轉人工核驗。",
        ),
        Reason::FormatCbor => {
            ("碼已損壞或並非簽發機構製作：編碼有誤。", "請對方重新出示；仍失敗則不要放行，轉人工核驗。")
        }
        Reason::FormatTrailingBytes => {
            ("碼的內容之後帶有多餘的資料。", "請對方重新出示；仍失敗則不要放行，轉人工核驗。")
        }
        Reason::FormatStructure => {
            ("碼已損壞或並非簽發機構製作：結構有誤。", "請對方重新出示；仍失敗則不要放行，轉人工核驗。")
        }
        Reason::FormatAlgorithm => {
            ("碼所用的簽名演算法不獲接受。", "請勿放行，轉人工核驗；並把簽發機構告知技術人員。")
        }
        Reason::FormatCritical => {
            ("碼要求進行本終端機不支援的處理。", "請轉人工核驗，並通知技術人員本終端機可能需要升級。")
        }
        Reason::FormatDisclosure => {
            ("碼中披露了簽發機構未簽名的內容。", "請勿放行，轉人工核驗，並按疑似偽造上報。")
        }
        Reason::FormatKey => ("碼中的持有人密鑰不合格。", "請勿放行，轉人工核驗；並把簽發機構告知技術人員。"),

        Reason::PurposeUnknown => {
            ("信任庫中沒有此用途的政策。", "請轉人工核驗，並請技術人員檢查所設用途和信任庫。")
        }
        Reason::DialectNotAccepted => {
            ("此用途不接受這一種類的憑證。", "請對方改用本櫃檯接受的憑證，或轉人工核驗。")
        }
        Reason::IssuerUnknown => {
            ("本處不信任此碼的簽發機構。", "請勿放行，轉人工核驗；如應信任該機構，請通知技術人員。")
        }
        Reason::IssuerKeyUnknown => {
            ("簽發機構可信，但簽署此碼的密鑰不可信。", "請勿放行，轉人工核驗；並請技術人員匯入最新的信任庫。")
        }
        Reason::IssuerKeyNotValid => {
            ("簽署此碼時，簽發機構的密鑰不在有效期內。", "請勿放行，轉人工核驗；請對方向簽發機構換領新憑證。")
        }
        Reason::IssuerKeyRevoked => (
            "簽署此碼的密鑰可能已落入他人之手，已被撤回。",
            "請勿放行，轉人工核驗；請對方向簽發機構換領新憑證。",
        ),
        Reason::CredentialSignature => {
            ("簽發機構的簽名不符：碼被改動或偽造。", "請勿放行，轉人工核驗，並按疑似偽造上報。")
        }
        Reason::CredentialNoExpiry => {
            ("憑證沒有到期日。", "請勿放行，轉人工核驗；請對方向簽發機構換領新憑證。")
        }
        Reason::CredentialExpired => {
            ("憑證已過期。", "請對方出示未過期的憑證，或向簽發機構換領；在此之前轉人工核驗。")
        }
        Reason::CredentialNotYetValid => {
            ("憑證尚未生效。", "請查看終端機的時間；時間無誤則憑證還不能使用，轉人工核驗。")
        }
        Reason::CredentialPurpose => {
            ("此憑證是為其他用途簽發的。", "請對方在錢包中選擇用於本櫃檯的憑證再出示。")
        }
        Reason::CredentialClaimMissing => {
            ("憑證缺少此用途要求的項目。", "請對方換一份憑證，或由人工從證件上補錄。")
        }
        Reason::StatusRevoked => {
            ("簽發機構已吊銷此憑證。", "請勿放行，轉人工核驗，並按已吊銷證件的規定處理。")
        }
        Reason::StatusSuspended => {
            ("簽發機構已暫停使用此憑證。", "請勿放行，轉人工核驗，並請對方聯絡簽發機構。")
        }
        Reason::StatusOutOfRange => {
            ("憑證指向的位置不在簽發機構的狀態清單內。", "請勿放行，轉人工核驗；並把簽發機構告知技術人員。")
        }
        Reason::StatusUnknown => (
            "無法判斷憑證是否已吊銷：此處沒有對應的狀態清單。",
            "請轉人工核驗，並請技術人員匯入最新的信任庫。",
        ),
        Reason::StatusExpired => {
            ("無法判斷憑證是否已吊銷：狀態清單已過期。", "請轉人工核驗，並請技術人員匯入最新的信任庫。")
        }

        Reason::ProofMissing => (
            "缺少持有人的即時證明：這只是憑證的副本。",
            "請對方直接出示手機上會變動的碼；不要接受截圖或列印本。",
        ),
        Reason::PaperNotAccepted => ("此用途不接受紙本憑證。", "請對方出示手機上的碼，或轉人工核驗。"),
        Reason::ProofSignature => {
            ("持有人的證明不符：此碼不是由持有人的手機產生的。", "請勿放行，轉人工核驗，並按疑似偽造上報。")
        }
        Reason::ProofAudience => ("此碼是為其他地點產生的。", "請對方在錢包中選擇本處，再出示新的碼。"),
        Reason::ChallengeMissing => {
            ("本通道會顯示自己的碼：手機要先掃描它。", "請對方先用錢包掃描通道螢幕上的碼，再出示手機上的碼。")
        }
        Reason::ChallengeWrong => (
            "此碼回應的是其他通道或上一次的提問。",
            "請對方重新掃描通道螢幕；仍失敗則轉人工核驗，提防轉傳的碼。",
        ),
        Reason::ProofWindow => (
            "持有人的證明聲稱的有效時間超過了允許範圍。",
            "請對方重新啟動或更新錢包後再出示；仍失敗則轉人工核驗。",
        ),
        Reason::ProofExpired => (
            "此碼已失效：可能是截圖，或手機時間偏慢。",
            "請對方等下一個碼，直接用手機出示；仍失敗則查看手機時間。",
        ),
        Reason::ProofNotYetValid => (
            "此碼來自未來：手機或終端機的時間不準。",
            "請對照手機和終端機的時間：讓對方把手機設為自動對時，或通知技術人員。",
        ),
        Reason::ProofReplayed => {
            ("這個碼剛才已用過：請等下一個碼。", "請對方等下一個碼再出示；留意是否有人使用同一個碼。")
        }
        Reason::ProofSiteUnreachable => (
            "無法向其他通道查詢這個碼是否已用過。",
            "請詢問對方是否剛到過其他通道，並轉人工核驗；如再次發生，請通知技術人員檢查本場所的網路。",
        ),

        Reason::SealGenuine => (
            "這是其他體系的真實憑證：只核對了簽名和到期日，未與持有人綁定。由工作人員決定。",
            "請把姓名和出生日期與身份證件核對後再決定。",
        ),
        Reason::SealFormat => ("其他體系的憑證已損壞或不完整。", "請對方重新出示或換一份；並轉人工核驗。"),
        Reason::SealIssuerUnknown => {
            ("本處不信任此憑證的簽署者。", "請勿採信，轉人工核驗；如應信任該簽署者，請通知技術人員。")
        }
        Reason::SealSignature => {
            ("憑證的簽名不符：被改動或偽造。", "請勿採信，轉人工核驗，並按疑似偽造上報。")
        }
        Reason::SealExpired => {
            ("憑證或簽署者的證書已過期或尚未生效。", "請勿採信；請對方換一份在有效期內的，或轉人工核驗。")
        }

        Reason::VerifierSilent => {
            ("驗證程式沒有回應。", "請對方重新出示；如再次發生，關閉本通道並通知技術人員。")
        }
        Reason::ClockTampered => (
            "終端機的時間早於已簽名的時間：時鐘被調慢或已故障。",
            "請關閉本通道，轉人工核驗，並通知技術人員校準時間。",
        ),
        Reason::ClockUnsure => (
            "終端機無法確定現在的時間。",
            "請轉人工核驗，並核對日期；請通知技術人員：時鐘已與時間伺服器失去聯繫。",
        ),
        Reason::TrustMissing => {
            ("終端機沒有信任庫：請匯入。", "請關閉本通道，轉人工核驗，並請技術人員匯入信任庫。")
        }
        Reason::TrustInvalid => {
            ("信任庫未通過檢查，未予使用。", "請關閉本通道，轉人工核驗，並向技術人員說明此信任庫的來源。")
        }
        Reason::TrustStale => {
            ("信任庫已過期：請匯入較新的版本。", "在技術人員匯入較新的信任庫之前，請轉人工核驗。")
        }
        Reason::TrustDead => (
            "信任庫過於陳舊，無法據此作出任何判斷。",
            "請關閉本通道並轉人工核驗，直到技術人員匯入較新的信任庫。",
        ),

        Reason::FaceNotCaptured => {
            ("憑證有效；但沒有拍到可供比對的人臉。", "請對方面對攝影機並重新出示，或由您親自比對。")
        }
        Reason::FaceNone => ("畫面中沒有人臉。", "請對方站到攝影機前。"),
        Reason::FaceSeveral => ("畫面中有多張人臉。", "請其他人後退，只留一人在攝影機前。"),
        Reason::FaceQuality => {
            ("人臉畫面不夠清楚，無法比對。", "請對方走近、正視前方並露出整張臉；仍不行則由您親自比對。")
        }
        Reason::FaceOfficer => ("憑證有效；由工作人員比對人臉。", "請把本人與證件照片比對後再決定。"),
        Reason::FaceNoTemplate => {
            ("憑證中沒有可比對的人臉：由工作人員核對。", "請把本人與證件照片比對後再決定。")
        }
        Reason::FacePortrait => {
            ("憑證中的照片太差，無法比對：由工作人員核對。", "請把本人與證件照片比對後再決定。")
        }
        Reason::FaceUnsupported => {
            ("人臉模板需要本終端機沒有的模型。", "請由您親自比對人臉，並通知技術人員需要加裝模型。")
        }
        Reason::FaceModelRefused => (
            "憑證有效；政策要求使用比現有更好的人臉模型：由工作人員核對。",
            "請由您親自比對人臉後再決定，並通知技術人員需要更好的模型。",
        ),
        Reason::FaceChallenge => {
            ("對方沒有按螢幕提示做動作：由工作人員核對。", "請確認面前是真人，親自比對人臉後再決定。")
        }
        Reason::FaceModels => (
            "人臉模型無法載入或執行失敗：執行 `kiosk models list` 可查看原因。",
            "請由您親自比對人臉，並通知技術人員。",
        ),
        Reason::FaceAttack => (
            "人臉疑似照片或螢幕畫面。",
            "請查看對方：若是照片、螢幕或面具，不要放行並上報；若不是，轉人工核驗。",
        ),
        Reason::FaceNonMatch => ("人臉與憑證不符。", "請勿放行，親自把本人與證件照片比對。"),
        Reason::CameraFailed => ("攝影機沒有傳來畫面。", "請關閉本通道，轉人工核驗，並通知技術人員。"),
        Reason::JournalFailed => {
            ("終端無法寫入工作記錄。", "請關閉本通道，轉人工核驗，並通知技術人員：磁碟可能已滿或損壞。")
        }
        Reason::GateFailed => ("閘門沒有回應。", "請關閉本通道，確認閘門已關，並通知技術人員。"),
        Reason::GateForced => ("閘門被強行打開。", "請立即前往通道，確保通過的人都經過核驗。"),
        Reason::LaneClosed => ("操作員已關閉本通道。", "重新開放之前，請引導人員前往其他通道。"),
    };
    Words { sentence, action }
}
