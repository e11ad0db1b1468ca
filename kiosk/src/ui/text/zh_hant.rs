//! What residents read, in Traditional Chinese.

use super::Phrase;

/// Returns the sentence.
pub(super) fn phrase(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::ShowCode => "請將二維碼對準攝影機。",
        Phrase::ScanThenShow => "請用手機掃描此碼，再將手機上的二維碼對準攝影機。",
        Phrase::WholeCode => "請拿穩手機，讓整個二維碼進入畫面。",
        Phrase::OneCode => "請只出示一個二維碼。",
        Phrase::OneMoment => "請稍候。",
        Phrase::LookAtCamera => "請看攝影機。",
        Phrase::OnePerson => "每次只限一人。",
        Phrase::StandHere => "請站到攝影機前。",
        Phrase::ComeCloser => "請靠近一點。",
        Phrase::LookStraight => "請正面直視攝影機。",
        Phrase::HoldStill => "請保持不動。",
        Phrase::MoreLight => "光線太暗，請面向光源。",
        Phrase::LessLight => "光線太亮，請避開強光。",
        Phrase::ShowFace => "請露出整張臉，除下墨鏡和口罩。",
        Phrase::TurnLeft => "請慢慢向左轉頭。",
        Phrase::TurnRight => "請慢慢向右轉頭。",
        Phrase::StepCloser => "請向前走一步。",
        Phrase::Accepted => "核驗通過，請通行。",
        Phrase::SeeOfficer => "請找工作人員協助。",
        Phrase::OfficerComes => "請稍等，工作人員會來協助您。",
        Phrase::NewCode => "請等手機顯示新的二維碼再出示。",
        Phrase::OpenWallet => "請開啟身份錢包，出示其中的二維碼。",
        Phrase::OnThePhone => "請直接出示手機上的二維碼，不要用截圖或列印本。",
        Phrase::ThisPlace => "請在手機上選擇用於此處的二維碼。",
        Phrase::ScanFirst => "請先用手機掃描螢幕稍後顯示的二維碼。",
        Phrase::PhoneClock => "請將手機時間設為自動對時。",
        Phrase::OrOfficer => "若仍不行，請找工作人員協助。",
        Phrase::WalkThrough => "請通過閘門。",
        Phrase::ThankYou => "謝謝。",
        Phrase::ShowAgain => "閘門已重新關閉，請再出示一次二維碼。",
        Phrase::LetGateClose => "請讓閘門關上。",
        Phrase::StepBack => "請後退，工作人員會來處理。",
        Phrase::LaneClosed => "此通道已關閉。",
        Phrase::OtherLane => "請使用其他通道，或找工作人員協助。",
        Phrase::LargerText => "放大文字",
        Phrase::NormalText => "還原文字",
    }
}
