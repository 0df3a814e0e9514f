"""In which encoding a text is written is told from its bytes."""

from __future__ import annotations

from pathlib import Path

import pytest

from decision_engine.history.encodings import text_encoding

TEXTS = {
    "utf-8": "Straße,Größe,naïve,ilość,Заказ,顧客\n",
    "cp1252": "Kundennr;Straße;Betrag\n1;Bürgermeister-Müller-Straße;12,50 €\n2;Allée de l'Étoile, 3 m²;9,00\n3;¿Cómo?;1\n",
    "cp1250": "Numer zamówienia;Wartość;Ilość;Miasto\n1;12,50;3;Łódź\n2;8,00;1;Gdańsk, główna\n3;4,00;2;Wąska ulica\n",
    "cp1251": "Номер заказа;Клиент;Сумма\n1;Иванов;1200,50\n2;Петрова;80\n3;Щукин;15\n",
    "gb18030": "订单号,客户编号,金额,商品名称\n1,20,12.5,可爱的小猫玩具\n2,21,8,手机壳\n",
    "cp932": "注文番号,顧客番号,金額,商品名\n1,20,1250,コーヒーカップ\n2,21,800,りんごジュース\n",
}


@pytest.mark.parametrize("encoding", TEXTS)
def test_the_encoding_is_the_one_that_was_written(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes(TEXTS[encoding].encode(encoding))
    assert text_encoding(path) == encoding


def test_a_japanese_header_alone_is_enough(tmp_path: Path) -> None:
    path = tmp_path / "file.csv"
    path.write_bytes("注文番号,顧客番号,注文日,金額\n1,2,2024-01-01,300\n".encode("cp932"))
    assert text_encoding(path) == "cp932"
