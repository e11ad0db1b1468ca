//! What the operator reads, in Portuguese, in words that are spelled alike before and after the 1990 agreement.

use super::{Reason, Words};

/// Returns the sentence, and what the operator does.
pub(super) fn words(reason: Reason) -> Words {
    let (sentence, action) = match reason {
        Reason::Accepted => (
            "A credencial é genuína, está válida e é apresentada pelo próprio titular.",
            "Deixe a pessoa passar.",
        ),

        Reason::ImageUnreadable => {
            ("Não foi possível abrir a imagem.", "Tire a fotografia de novo ou escolha outro ficheiro.")
        }
        Reason::NoSymbol => (
            "Não se encontrou nenhum código QR na imagem.",
            "Peça à pessoa que mostre o código de frente para a câmara, com o ecrã bem iluminado.",
        ),
        Reason::SymbolUnreadable => (
            "Há um código QR à vista, mas não se consegue ler: está danificado ou tapado.",
            "Peça à pessoa que limpe o ecrã, destape o código inteiro e o segure sem mexer; se voltar a \
             falhar, verifique manualmente.",
        ),
        Reason::SeveralSymbols => (
            "Há mais de um código QR à vista: mostre só um.",
            "Peça um código de cada vez e que se afastem os outros ecrãs.",
        ),

        Reason::TextTooLong => (
            "O código contém mais texto do que qualquer código de identidade.",
            "Peça à pessoa que abra a carteira de identidade e mostre o código que lá está.",
        ),
        Reason::TextNotBase45 => (
            "O código não é um código de identidade digital.",
            "Peça à pessoa que abra a carteira de identidade e mostre o código que lá está.",
        ),
        Reason::TextForeign => (
            "O código está escrito como um código de identidade, mas o seu conteúdo é de um tipo desconhecido.",
            "Peça à pessoa que abra a carteira de identidade e mostre o código que lá está.",
        ),
        Reason::TextCompression => (
            "O código está danificado: não se consegue descomprimir o conteúdo.",
            "Peça um código novo ou outra impressão; se voltar a falhar, verifique manualmente.",
        ),
        Reason::TextEncrypted => (
            "O código está cifrado e este terminal não tem a chave.",
            "Verifique manualmente e avise o técnico de que falta uma chave neste terminal.",
        ),
        Reason::TextDecryption => (
            "O código está cifrado e o seu conteúdo foi alterado ou danificado.",
            "Peça o código seguinte; se voltar a falhar, não abra a passagem e verifique manualmente.",
        ),
        Reason::FormatCbor => (
            "O código está danificado ou não foi feito por um emissor: a codificação está errada.",
            "Peça que volte a mostrar o código; se voltar a falhar, não abra a passagem e verifique \
             manualmente.",
        ),
        Reason::FormatTrailingBytes => (
            "O código traz bytes a mais depois do conteúdo.",
            "Peça que volte a mostrar o código; se voltar a falhar, não abra a passagem e verifique \
             manualmente.",
        ),
        Reason::FormatStructure => (
            "O código está danificado ou não foi feito por um emissor: a estrutura está errada.",
            "Peça que volte a mostrar o código; se voltar a falhar, não abra a passagem e verifique \
             manualmente.",
        ),
        Reason::FormatAlgorithm => (
            "O código está assinado com um algoritmo que não é aceite.",
            "Não abra a passagem e verifique manualmente; comunique o emissor ao técnico.",
        ),
        Reason::FormatCritical => (
            "O código exige um tratamento que este terminal não conhece.",
            "Verifique manualmente e avise o técnico de que este terminal pode precisar de uma nova versão.",
        ),
        Reason::FormatDisclosure => (
            "O código revela algo que o emissor não assinou.",
            "Não abra a passagem, verifique manualmente e comunique uma suspeita de falsificação.",
        ),
        Reason::FormatKey => (
            "O código traz uma chave do titular que não é aceitável.",
            "Não abra a passagem e verifique manualmente; comunique o emissor ao técnico.",
        ),

        Reason::PurposeUnknown => (
            "O repositório de confiança não tem uma política para esta finalidade.",
            "Verifique manualmente e peça ao técnico que confira a finalidade definida e o repositório de \
             confiança.",
        ),
        Reason::DialectNotAccepted => (
            "Este tipo de credencial não é aceite para esta finalidade.",
            "Peça uma credencial do tipo aceite neste balcão ou verifique manualmente.",
        ),
        Reason::IssuerUnknown => (
            "O emissor deste código não é de confiança neste posto.",
            "Não abra a passagem e verifique manualmente; avise o técnico se este emissor devia ser aceite \
             aqui.",
        ),
        Reason::IssuerKeyUnknown => (
            "O emissor é de confiança, mas a chave que assinou este código não é.",
            "Não abra a passagem e verifique manualmente; peça ao técnico que importe o repositório de \
             confiança mais recente.",
        ),
        Reason::IssuerKeyNotValid => (
            "A chave do emissor não estava válida quando este código foi assinado.",
            "Não abra a passagem e verifique manualmente; a pessoa precisa de uma nova credencial do \
             emissor.",
        ),
        Reason::IssuerKeyRevoked => (
            "A chave que assinou este código foi retirada por poder estar em mãos erradas.",
            "Não abra a passagem e verifique manualmente; a pessoa precisa de uma nova credencial do \
             emissor.",
        ),
        Reason::CredentialSignature => (
            "A assinatura do emissor está errada: o código foi alterado ou falsificado.",
            "Não abra a passagem, verifique manualmente e comunique uma suspeita de falsificação.",
        ),
        Reason::CredentialNoExpiry => (
            "A credencial não tem data de validade.",
            "Não abra a passagem e verifique manualmente; a pessoa precisa de uma nova credencial do \
             emissor.",
        ),
        Reason::CredentialExpired => (
            "A credencial expirou.",
            "Peça uma credencial dentro da validade; a pessoa renova-a junto do emissor. Entretanto, \
             verifique manualmente.",
        ),
        Reason::CredentialNotYetValid => (
            "A credencial ainda não está válida.",
            "Veja o relógio do terminal; se estiver certo, a credencial ainda não pode ser usada. Verifique \
             manualmente.",
        ),
        Reason::CredentialPurpose => (
            "A credencial foi emitida para outra finalidade.",
            "Peça à pessoa que escolha na carteira a credencial para este balcão e a mostre.",
        ),
        Reason::CredentialClaimMissing => (
            "Falta na credencial um dado que esta finalidade exige.",
            "Peça outra credencial ou retire manualmente o dado em falta de um documento.",
        ),
        Reason::StatusRevoked => (
            "O emissor revogou esta credencial.",
            "Não abra a passagem, verifique manualmente e siga o procedimento para documentos revogados.",
        ),
        Reason::StatusSuspended => (
            "O emissor suspendeu esta credencial.",
            "Não abra a passagem, verifique manualmente e encaminhe a pessoa para o emissor.",
        ),
        Reason::StatusOutOfRange => (
            "A credencial aponta para fora da lista de estados do emissor.",
            "Não abra a passagem e verifique manualmente; comunique o emissor ao técnico.",
        ),
        Reason::StatusUnknown => (
            "Não se pode saber se a credencial foi revogada: a lista de estados não está aqui.",
            "Verifique manualmente e peça ao técnico que importe o repositório de confiança mais recente.",
        ),
        Reason::StatusExpired => (
            "Não se pode saber se a credencial foi revogada: a lista de estados está fora de prazo.",
            "Verifique manualmente e peça ao técnico que importe o repositório de confiança mais recente.",
        ),

        Reason::ProofMissing => (
            "Falta a prova do titular feita no momento: isto é uma cópia de uma credencial.",
            "Peça à pessoa que mostre o código que muda no próprio telemóvel; não aceite fotografias nem \
             impressões.",
        ),
        Reason::PaperNotAccepted => (
            "As credenciais em papel não são aceites para esta finalidade.",
            "Peça o código no telemóvel ou verifique manualmente.",
        ),
        Reason::ProofSignature => (
            "A prova do titular está errada: o código não foi feito pelo telemóvel do titular.",
            "Não abra a passagem, verifique manualmente e comunique uma suspeita de falsificação.",
        ),
        Reason::ProofAudience => (
            "O código foi feito para outro local.",
            "Peça à pessoa que escolha este local na carteira e mostre o novo código.",
        ),
        Reason::ChallengeMissing => (
            "Este canal mostra um código próprio: o telemóvel tem de o ler primeiro.",
            "Peça à pessoa que leia com a carteira o ecrã do canal e depois mostre o código.",
        ),
        Reason::ChallengeWrong => (
            "O código responde à pergunta de outro canal ou de uma visita anterior.",
            "Peça à pessoa que volte a ler o ecrã do canal; se voltar a falhar, verifique manualmente: o \
             código pode ter sido reencaminhado.",
        ),
        Reason::ProofWindow => (
            "A prova do titular declara uma duração maior do que a permitida.",
            "Peça à pessoa que reinicie a carteira ou instale a versão mais recente e mostre um novo \
             código; se voltar a falhar, verifique manualmente.",
        ),
        Reason::ProofExpired => (
            "O código é demasiado antigo: é uma captura de ecrã, ou o relógio do telemóvel está atrasado.",
            "Peça à pessoa que espere pelo código seguinte e o mostre no próprio telemóvel; se voltar a \
             falhar, veja o relógio do telemóvel.",
        ),
        Reason::ProofNotYetValid => (
            "O código vem do futuro: o relógio do telemóvel ou o do terminal está errado.",
            "Compare os relógios: peça à pessoa que ponha o telemóvel na hora automática ou chame o técnico.",
        ),
        Reason::ProofReplayed => (
            "Este mesmo código já foi usado: espere pelo seguinte.",
            "Peça à pessoa que espere pelo código seguinte e volte a mostrar; esteja atento a outra pessoa \
             com o mesmo código.",
        ),
        Reason::ProofSiteUnreachable => (
            "Não se consegue perguntar aos outros canais se este código já foi usado.",
            "Pergunte se a pessoa acabou de passar por outro canal e verifique manualmente; se se repetir, chame o \
             técnico por causa da rede do local.",
        ),

        Reason::SealGenuine => (
            "Certificado genuíno de outro sistema: só a assinatura e a validade, sem ligação ao titular. Um \
             funcionário decide.",
            "Compare o nome e a data de nascimento com um documento de identidade e decida.",
        ),
        Reason::SealFormat => (
            "O certificado de outro sistema está danificado ou incompleto.",
            "Peça que o mostre de novo ou traga outra cópia; verifique manualmente.",
        ),
        Reason::SealIssuerUnknown => (
            "Quem assinou este certificado não é de confiança neste posto.",
            "Não confie nele e verifique manualmente; avise o técnico se este signatário devia ser aceite \
             aqui.",
        ),
        Reason::SealSignature => (
            "A assinatura do certificado está errada: foi alterado ou falsificado.",
            "Não confie nele, verifique manualmente e comunique uma suspeita de falsificação.",
        ),
        Reason::SealExpired => (
            "O certificado, ou o certificado de quem o assinou, expirou ou ainda não está válido.",
            "Não confie nele; peça um dentro da validade ou verifique manualmente.",
        ),

        Reason::VerifierSilent => (
            "O programa de verificação não respondeu.",
            "Peça que volte a mostrar o código; se se repetir, feche o canal e chame o técnico.",
        ),
        Reason::ClockTampered => (
            "O relógio do terminal está atrás da hora assinada: foi atrasado ou avariou.",
            "Feche o canal, verifique manualmente e chame o técnico para acertar o relógio.",
        ),
        Reason::ClockUnsure => (
            "O terminal não tem a certeza de que horas são.",
            "Verifique manualmente, datas incluídas, e chame o técnico: o relógio perdeu o servidor de tempo.",
        ),
        Reason::TrustMissing => (
            "O terminal não tem repositório de confiança: importe um.",
            "Feche o canal, verifique manualmente e peça ao técnico que importe um repositório de confiança.",
        ),
        Reason::TrustInvalid => (
            "O repositório de confiança falhou as verificações e não foi usado.",
            "Feche o canal, verifique manualmente e diga ao técnico de onde veio este repositório.",
        ),
        Reason::TrustStale => (
            "O repositório de confiança está fora de prazo: importe um mais recente.",
            "Verifique manualmente até o técnico importar um repositório de confiança mais recente.",
        ),
        Reason::TrustDead => (
            "O repositório de confiança é tão antigo que nada se pode decidir com ele.",
            "Feche o canal e verifique manualmente até o técnico importar um repositório de confiança mais \
             recente.",
        ),

        Reason::FaceNotCaptured => (
            "A credencial está em ordem; não se captou nenhum rosto para comparar com ela.",
            "Peça à pessoa que olhe para a câmara e mostre um novo código, ou compare o rosto pessoalmente.",
        ),
        Reason::FaceNone => {
            ("Não há nenhum rosto à vista.", "Peça à pessoa que se coloque em frente da câmara.")
        }
        Reason::FaceSeveral => (
            "Há mais de um rosto à vista.",
            "Peça aos outros que recuem, para que fique uma só pessoa em frente da câmara.",
        ),
        Reason::FaceQuality => (
            "A imagem do rosto não é boa o suficiente para comparar.",
            "Peça à pessoa que se aproxime, olhe em frente e destape o rosto; se não bastar, compare-o \
             pessoalmente.",
        ),
        Reason::FaceOfficer => (
            "A credencial está em ordem; um funcionário compara o rosto.",
            "Compare a pessoa com a fotografia do documento e decida.",
        ),
        Reason::FaceNoTemplate => (
            "A credencial não traz nenhum rosto para comparar: um funcionário confere.",
            "Compare a pessoa com a fotografia de um documento e decida.",
        ),
        Reason::FacePortrait => (
            "O retrato na credencial é demasiado fraco para comparar: um funcionário confere.",
            "Compare a pessoa com a fotografia de um documento e decida.",
        ),
        Reason::FaceUnsupported => (
            "O padrão do rosto exige um modelo que este terminal não tem.",
            "Compare o rosto pessoalmente e avise o técnico de que falta um modelo.",
        ),
        Reason::FaceModelRefused => (
            "A credencial está em ordem; a política exige um modelo de rosto melhor do que este: um \
             funcionário confere.",
            "Compare o rosto pessoalmente e decida; avise o técnico de que é preciso um modelo melhor.",
        ),
        Reason::FaceChallenge => (
            "A pessoa não fez o que o ecrã pediu: um funcionário confere.",
            "Veja se está ali uma pessoa real, compare o rosto pessoalmente e decida.",
        ),
        Reason::FaceModels => (
            "Os modelos de rosto não carregam ou falharam: `kiosk models list` diz porquê.",
            "Compare o rosto pessoalmente e chame o técnico.",
        ),
        Reason::FaceAttack => (
            "O rosto parece uma fotografia ou um ecrã.",
            "Olhe para a pessoa: se for uma fotografia, um ecrã ou uma máscara, não a deixe passar e \
             comunique; se não, verifique manualmente.",
        ),
        Reason::FaceNonMatch => (
            "O rosto não corresponde à credencial.",
            "Não abra a passagem e compare pessoalmente a pessoa com a fotografia de um documento.",
        ),
        Reason::CameraFailed => {
            ("A câmara não envia imagens.", "Feche o canal, verifique manualmente e chame o técnico.")
        }
        Reason::JournalFailed => (
            "O quiosque não consegue registar o seu trabalho.",
            "Feche o canal, verifique manualmente e chame o técnico: o disco pode estar cheio ou danificado.",
        ),
        Reason::GateFailed => (
            "A passagem não responde.",
            "Feche o canal, confirme que a passagem está fechada e chame o técnico.",
        ),
        Reason::GateForced => (
            "A passagem foi aberta à força.",
            "Vá já ao canal e certifique-se de que quem passou é verificado.",
        ),
        Reason::LaneClosed => {
            ("Um operador fechou este canal.", "Encaminhe as pessoas para outro canal até este reabrir.")
        }
    };
    Words { sentence, action }
}
