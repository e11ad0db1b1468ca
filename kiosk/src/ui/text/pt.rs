//! What residents read, in Portuguese.

use super::Phrase;

/// Returns the sentence.
pub(super) fn phrase(phrase: Phrase) -> &'static str {
    match phrase {
        Phrase::ShowCode => "Mostre o seu código à câmara.",
        Phrase::ScanThenShow => {
            "Leia este código com o telemóvel. Depois mostre à câmara o código do telemóvel."
        }
        Phrase::WholeCode => "Mantenha o telemóvel parado, com o código todo à vista.",
        Phrase::OneCode => "Mostre um só código, por favor.",
        Phrase::OneMoment => "Um momento.",
        Phrase::LookAtCamera => "Olhe para a câmara, por favor.",
        Phrase::OnePerson => "Uma pessoa de cada vez, por favor.",
        Phrase::StandHere => "Coloque-se em frente da câmara, por favor.",
        Phrase::ComeCloser => "Aproxime-se, por favor.",
        Phrase::LookStraight => "Olhe a direito para a câmara, por favor.",
        Phrase::HoldStill => "Não se mexa, por favor.",
        Phrase::MoreLight => "Está muito escuro. Vire-se para a luz, por favor.",
        Phrase::LessLight => "Há luz a mais. Afaste-se da luz, por favor.",
        Phrase::ShowFace => "Mostre o rosto todo: sem óculos escuros nem máscara.",
        Phrase::TurnLeft => "Vire a cabeça devagar para a sua esquerda.",
        Phrase::TurnRight => "Vire a cabeça devagar para a sua direita.",
        Phrase::StepCloser => "Dê um passo em frente.",
        Phrase::Accepted => "Aceite. Pode passar.",
        Phrase::SeeOfficer => "Dirija-se a um funcionário, por favor.",
        Phrase::OfficerComes => "Aguarde, por favor. Um funcionário vem ajudar.",
        Phrase::NewCode => "Espere que o telemóvel mostre um novo código.",
        Phrase::OpenWallet => "Abra a carteira de identidade e mostre o código que lá está.",
        Phrase::OnThePhone => "Mostre o código no próprio telemóvel, não uma cópia.",
        Phrase::ThisPlace => "Escolha no telemóvel o código para este local.",
        Phrase::ScanFirst => "Leia primeiro o código que este ecrã vai mostrar.",
        Phrase::PhoneClock => "Ponha o relógio do telemóvel em automático.",
        Phrase::OrOfficer => "Se não resultar, dirija-se a um funcionário.",
        Phrase::WalkThrough => "Passe, por favor.",
        Phrase::ThankYou => "Obrigado.",
        Phrase::ShowAgain => "A passagem voltou a fechar. Mostre o código outra vez.",
        Phrase::LetGateClose => "Deixe a passagem fechar, por favor.",
        Phrase::StepBack => "Recue, por favor. Vem aí um funcionário.",
        Phrase::LaneClosed => "Este canal está fechado.",
        Phrase::OtherLane => "Use outro canal ou peça ajuda.",
        Phrase::LargerText => "Letra maior",
        Phrase::NormalText => "Letra normal",
    }
}
