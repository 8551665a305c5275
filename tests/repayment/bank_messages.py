"""Small messages of a bank, written by hand: one element a line where a test names its line."""

PAIN_002 = b"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03">
<CstmrPmtStsRpt>
<GrpHdr><MsgId>ST-1</MsgId><CreDtTm>2026-03-17T07:05:00+08:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts>
<OrgnlMsgId>B-17</OrgnlMsgId>
<OrgnlMsgNmId>pain.008.001.02</OrgnlMsgNmId>
<OrgnlNbOfTxs>3</OrgnlNbOfTxs>
<OrgnlCtrlSum>2973.00</OrgnlCtrlSum>
<GrpSts>PART</GrpSts>
<NbOfTxsPerSts><DtldNbOfTxs>2</DtldNbOfTxs><DtldSts>RJCT</DtldSts></NbOfTxsPerSts>
</OrgnlGrpInfAndSts>
<OrgnlPmtInfAndSts>
<OrgnlPmtInfId>B-17-1</OrgnlPmtInfId>
<NbOfTxsPerSts><DtldNbOfTxs>2</DtldNbOfTxs><DtldSts>RJCT</DtldSts><DtldCtrlSum>1880.00</DtldCtrlSum></NbOfTxsPerSts>
<TxInfAndSts><OrgnlEndToEndId>D1-1-1</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Cd>AM04</Cd></Rsn>\
<AddtlInf>no cover</AddtlInf></StsRsnInf><AcctSvcrRef>bank-1</AcctSvcrRef>\
<OrgnlTxRef><Amt><InstdAmt Ccy="CNY">1000.00</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>
<TxInfAndSts><OrgnlEndToEndId>D2-1-1</OrgnlEndToEndId><TxSts>RJCT</TxSts><StsRsnInf><Rsn><Prtry>Z9</Prtry></Rsn>\
</StsRsnInf><OrgnlTxRef><Amt><InstdAmt Ccy="CNY">880.00</InstdAmt></Amt></OrgnlTxRef></TxInfAndSts>
<TxInfAndSts><OrgnlEndToEndId>D3-1-1</OrgnlEndToEndId><TxSts>PDNG</TxSts></TxInfAndSts>
</OrgnlPmtInfAndSts>
</CstmrPmtStsRpt>
</Document>"""

REJECTED = b"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.03">
<CstmrPmtStsRpt>
<GrpHdr><MsgId>ST-2</MsgId><CreDtTm>2026-03-17T07:05:00+08:00</CreDtTm></GrpHdr>
<OrgnlGrpInfAndSts>
<OrgnlMsgId>B-18</OrgnlMsgId>
<OrgnlMsgNmId>pain.008.001.02</OrgnlMsgNmId>
<GrpSts>RJCT</GrpSts>
<StsRsnInf><Rsn><Cd>FF01</Cd></Rsn></StsRsnInf>
</OrgnlGrpInfAndSts>
</CstmrPmtStsRpt>
</Document>"""

CAMT_054 = b"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.02">
<BkToCstmrDbtCdtNtfctn>
<GrpHdr><MsgId>N-1</MsgId><CreDtTm>2026-03-17T12:00:00+08:00</CreDtTm></GrpHdr>
<Ntfctn>
<Id>N-1-1</Id><CreDtTm>2026-03-17T12:00:00+08:00</CreDtTm>
<Acct><Id><Othr><Id>lender-1</Id></Othr></Id><Ccy>CNY</Ccy></Acct>
<TxsSummry><TtlNtries><NbOfNtries>2</NbOfNtries><Sum>1973.00</Sum><TtlNetNtryAmt>213.00</TtlNetNtryAmt>\
<CdtDbtInd>CRDT</CdtDbtInd></TtlNtries><TtlCdtNtries><NbOfNtries>1</NbOfNtries><Sum>1093.00</Sum></TtlCdtNtries>\
<TtlDbtNtries><NbOfNtries>1</NbOfNtries><Sum>880.00</Sum></TtlDbtNtries></TxsSummry>
<Ntry><Amt Ccy="CNY">1093.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>\
<BookgDt><DtTm>2026-03-17T07:00:02+08:00</DtTm></BookgDt><BkTxCd><Prtry><Cd>DEBIT</Cd></Prtry></BkTxCd>\
<NtryDtls><TxDtls><Refs><AcctSvcrRef>bank-1</AcctSvcrRef><EndToEndId>D1-1-1</EndToEndId></Refs></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="CNY">880.00</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts>\
<BookgDt><Dt>2026-03-17</Dt></BookgDt><AcctSvcrRef>bank-7</AcctSvcrRef><BkTxCd><Prtry><Cd>RETURN</Cd></Prtry></BkTxCd>\
<NtryDtls><TxDtls><Refs><EndToEndId>D0-2-1</EndToEndId></Refs><RtrInf><Rsn><Cd>AC06</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>
</Ntfctn>
</BkToCstmrDbtCdtNtfctn>
</Document>"""

CAMT_053 = b"""<?xml version="1.0" encoding="UTF-8"?>
<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">
<BkToCstmrStmt>
<GrpHdr><MsgId>S-1</MsgId><CreDtTm>2026-03-17T23:00:00+08:00</CreDtTm>\
<MsgPgntn><PgNb>1</PgNb><LastPgInd>true</LastPgInd></MsgPgntn></GrpHdr>
<Stmt>
<Id>S-1-1</Id><CreDtTm>2026-03-17T23:00:00+08:00</CreDtTm>
<Acct><Id><Othr><Id>lender-1</Id></Othr></Id><Ccy>CNY</Ccy></Acct>
<Bal><Tp><CdOrPrtry><Cd>OPBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">100.00</Amt>\
<CdtDbtInd>DBIT</CdtDbtInd><Dt><Dt>2026-03-17</Dt></Dt></Bal>
<Bal><Tp><CdOrPrtry><Cd>CLBD</Cd></CdOrPrtry></Tp><Amt Ccy="CNY">198.50</Amt>\
<CdtDbtInd>CRDT</CdtDbtInd><Dt><Dt>2026-03-17</Dt></Dt></Bal>
<Ntry><Amt Ccy="CNY">1180.00</Amt>\
<CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-17</Dt></BookgDt><BkTxCd/>
<NtryDtls><Btch><NbOfTxs>2</NbOfTxs></Btch>
<TxDtls><Refs><EndToEndId>D1-1-1</EndToEndId></Refs>\
<AmtDtls><TxAmt><Amt Ccy="CNY">1093.00</Amt></TxAmt></AmtDtls></TxDtls>
<TxDtls><Refs><EndToEndId>D2-1-1</EndToEndId></Refs>\
<AmtDtls><TxAmt><Amt Ccy="CNY">87.00</Amt></TxAmt></AmtDtls></TxDtls>
</NtryDtls></Ntry>
<Ntry><Amt Ccy="CNY">880.00</Amt>\
<CdtDbtInd>DBIT</CdtDbtInd><RvslInd>true</RvslInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-17</Dt></BookgDt><BkTxCd/>
<NtryDtls><TxDtls><Refs><EndToEndId>D0-2-1</EndToEndId></Refs>\
<RtrInf><Rsn><Cd>MD06</Cd></Rsn></RtrInf></TxDtls></NtryDtls></Ntry>
<Ntry><Amt Ccy="CNY">1.50</Amt>\
<CdtDbtInd>DBIT</CdtDbtInd><Sts>BOOK</Sts><BookgDt><Dt>2026-03-17</Dt></BookgDt><BkTxCd/></Ntry>
</Stmt>
</BkToCstmrStmt>
</Document>"""
