//! What residents read, in Simplified Chinese.

use super::Phrase;

/// Returns the sentence.
pub(super) fn phrase(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::ShowCode => "请将二维码对准摄像头。",
        Phrase::ScanThenShow => "请用手机扫描此码，再将手机上的二维码对准摄像头。",
        Phrase::WholeCode => "请拿稳手机，让整个二维码进入画面。",
        Phrase::OneCode => "请只出示一个二维码。",
        Phrase::OneMoment => "请稍候。",
        Phrase::LookAtCamera => "请看摄像头。",
        Phrase::OnePerson => "每次仅限一人。",
        Phrase::StandHere => "请站到摄像头前。",
        Phrase::ComeCloser => "请靠近一点。",
        Phrase::LookStraight => "请正面直视摄像头。",
        Phrase::HoldStill => "请保持不动。",
        Phrase::MoreLight => "光线太暗，请面向光源。",
        Phrase::LessLight => "光线太亮，请避开强光。",
        Phrase::ShowFace => "请露出整张脸，摘下墨镜和口罩。",
        Phrase::TurnLeft => "请慢慢向左转头。",
        Phrase::TurnRight => "请慢慢向右转头。",
        Phrase::StepCloser => "请向前走一步。",
        Phrase::Accepted => "核验通过，请通行。",
        Phrase::SeeOfficer => "请找工作人员协助。",
        Phrase::OfficerComes => "请稍等，工作人员会来协助您。",
        Phrase::NewCode => "请等手机显示新的二维码再出示。",
        Phrase::OpenWallet => "请打开身份钱包，出示其中的二维码。",
        Phrase::OnThePhone => "请直接出示手机上的二维码，不要用截图或打印件。",
        Phrase::ThisPlace => "请在手机上选择用于此处的二维码。",
        Phrase::ScanFirst => "请先用手机扫描屏幕稍后显示的二维码。",
        Phrase::PhoneClock => "请将手机时间设为自动对时。",
        Phrase::OrOfficer => "若仍不行，请找工作人员协助。",
        Phrase::WalkThrough => "请通过闸门。",
        Phrase::ThankYou => "谢谢。",
        Phrase::ShowAgain => "闸门已重新关闭，请再出示一次二维码。",
        Phrase::LetGateClose => "请让闸门关上。",
        Phrase::StepBack => "请后退，工作人员会来处理。",
        Phrase::LaneClosed => "此通道已关闭。",
        Phrase::OtherLane => "请使用其他通道，或找工作人员协助。",
        Phrase::LargerText => "大号文字",
        Phrase::NormalText => "标准文字",
    }
}
